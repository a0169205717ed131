package ui

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/tunnel"
	"github.com/interlock-proxy/interlock/rules"
)

// exchangeView is one exchange with everything that is known of it. As JSON it is the ruling of the contracts.
type exchangeView struct {
	row
	Ruling               *rules.Ruling
	View                 string // wire, hex or fields
	Views                []string
	Heads                []shownPart
	Behind               []shownPart // first bytes after a switch
	Frames               []frameRow
	Findings             []shownFinding // that did not pass, worst first
	Passed               []shownFinding
	Steps                []step
	Facts                []Setting
	Stream               string           // of HTTP/2, what it is: HTTP/2, stream 3
	Connection           []Setting        // of HTTP/2, what is known of it
	Together             string           // the ID of its connection of HTTP/2
	Recipe               report.Recipe    // commands that send it again
	Lead                 string           // the fault in a sentence
	Why                  []ownWhy         // what explains it
	Compared             *compared        // with the valid handshake; nil: it is not a probe, or there is none
	Twin                 *twin            // the same exchange on the other side of a proxy; nil: there is none
	Tunnel               *tunnel.View     // what its frames show; nil: they were not read
	Sides                []report.Passage // of the proxy that it passed; nil: there was none, or one side was not seen
	Next                 neighbours
	Redacted             []string // parts whose values must be given to send it again
	Formats              []string
	CanReplay, CanAccept bool
	CanProbe             bool // there is a handshake that probes can be made from
}

// MarshalJSON writes the ruling.
func (v exchangeView) MarshalJSON() ([]byte, error) { return json.Marshal(v.Ruling) }

// A shownFinding is a finding of the exchange.
type shownFinding struct {
	*rules.Finding
	Mark        mark
	Number      int // from 1, where its bytes are marked; else 0
	Fingerprint string
	Places      []string
	By          []string // IDs of diagnoses that explain it
	spans       []rules.Span
}

func (u *site) exchange(r *http.Request) (sheet, error) {
	s, err := u.kept()
	if err != nil {
		return sheet{}, err
	}
	ruling, err := tunnel.Find(r.Context(), s, r.PathValue("id"), u.Tunnel, u.Audit.OptionsOf)
	if err != nil {
		return sheet{}, err
	}
	v := &exchangeView{row: rowOf(ruling), Ruling: ruling, View: r.FormValue("view"), Views: []string{"wire", "hex", "fields"}, Recipe: report.NewRecipe(ruling), Redacted: ruling.Redacted(), Why: why(ruling)}
	if !slices.Contains(v.Views, v.View) {
		v.View = v.Views[0]
	}
	filter := r.FormValue("q")
	switch {
	case filter == "" && ruling.Run != "":
		filter = "run:" + ruling.Run
	case filter == "":
		filter = usualFilter
	}
	if v.Next, err = u.neighbours(r.Context(), ruling, filter); err != nil {
		return sheet{}, err
	}
	if v.Compared, err = u.compared(r.Context(), ruling); err != nil {
		return sheet{}, err
	}
	if v.Twin, err = u.twin(r.Context(), ruling); err != nil {
		return sheet{}, err
	}
	if v.Sides, err = report.Sides(ruling); err != nil {
		return sheet{}, err
	}
	v.Tunnel = tunnel.Of(ruling, ruling.X.After.Messages) // a stored ruling has what may be shown
	v.judge()
	v.lead()
	v.heads()
	v.timeline()
	v.facts()
	v.stream()
	v.Formats = formats()
	v.CanReplay, v.CanAccept = u.Replay != nil, u.Accept != nil
	v.CanProbe = u.Probe != nil && u.learned(v.Route, v.Endpoint)
	out := sheet{Title: clip(40, v.Method+" "+v.Target), View: v, Wide: true}
	if !ruling.X.Final {
		out.Follow, out.Names = u.Events, u.EventNames
		if u.Tunnel != nil && u.Events != "" {
			out.Follow += "?" + url.Values{"tunnel": {ruling.X.ID}}.Encode()
			out.Names = append(slices.Clone(u.EventNames), "tunnel")
		}
	}
	return out, nil
}

// learned reports whether live traffic has shown a valid switch there.
func (u *site) learned(route, endpoint string) bool {
	if u.Audit == nil {
		return false
	}
	for _, l := range u.Audit.Learned() {
		if l.Route == route && l.Endpoint == endpoint {
			return true
		}
	}
	return false
}

// judge numbers the findings.
func (v *exchangeView) judge() {
	number := 0
	for i := range v.Ruling.Findings {
		f := &v.Ruling.Findings[i]
		s := shownFinding{Finding: f, Mark: mark{f.Verdict}, Fingerprint: v.Ruling.Fingerprint(f), spans: f.Spans}
		if f.Verdict >= rules.Pass {
			v.Passed = append(v.Passed, s)
			continue
		}
		for j := range v.Ruling.Diagnoses {
			if d := &v.Ruling.Diagnoses[j]; slices.Contains(d.Explains, f.Rule.ID) {
				s.By = append(s.By, d.ID)
			}
		}
		v.Findings = append(v.Findings, s)
	}
	slices.SortStableFunc(v.Findings, func(a, b shownFinding) int {
		if a.Verdict != b.Verdict {
			return int(a.Verdict) - int(b.Verdict)
		}
		return int(b.Severity) - int(a.Severity)
	})
	for i := range v.Findings {
		f := &v.Findings[i]
		for _, s := range f.Spans {
			if len(f.Places) < 4 {
				f.Places = append(f.Places, fmt.Sprintf("%s bytes %d–%d", s.Part, s.From, max(s.From, s.To-1)))
			}
		}
		if len(f.Spans) > 0 && number < maxMarked {
			number++
			f.Number = number
		}
	}
}

// lead returns the result of the exchange in a sentence.
func (v *exchangeView) lead() {
	n := len(v.Findings)
	if n == 0 {
		v.Lead = "All rules in play passed."
		return
	}
	f := &v.Findings[0]
	v.Lead = f.Problem()
	if n > 1 {
		v.Lead += fmt.Sprintf(" (and %s)", printed.Count(n-1, "more finding"))
	}
}

// Problem returns the fault in a sentence.
func (f *shownFinding) Problem() string {
	if f.Detail != "" {
		return text(f.Detail)
	}
	return f.Label()
}

// Fixes are the paragraphs of the remedy.
func (f *shownFinding) Fixes() []string { return strings.Split(f.Rule.Fix, "\n") }

// heads shows the bytes.
func (v *exchangeView) heads() {
	x := v.Ruling.X
	add := func(into *[]shownPart, p shownPart) {
		p.Plain = x.Stream != nil && into == &v.Heads
		*into = append(*into, p)
	}
	q := &x.Request.Head
	add(&v.Heads, showPart("Request", ">", q.Raw, q, evidenceOf(v.Findings, rules.InRequest, len(q.Raw)), v.View))
	if x.Far != nil {
		add(&v.Heads, showPart("Request as it was sent on", ">", x.Far.Raw, &x.Far.Head, nil, v.View))
	}
	for _, p := range x.Interim {
		add(&v.Heads, showPart("Interim response", "<", p.Raw, &p.Head, nil, v.View))
	}
	if p := x.Former; p != nil {
		add(&v.Heads, showPart("Response that came before", "<", p.Raw, &p.Head, nil, v.View))
	}
	if len(x.Noise) > 0 {
		add(&v.Heads, showPart("Bytes that are not a response", "<", x.Noise, nil, nil, "wire"))
	}
	if p := x.Response; p != nil {
		add(&v.Heads, showPart("Response", "<", p.Raw, &p.Head, evidenceOf(v.Findings, rules.InResponse, len(p.Raw)), v.View))
	}
	for _, side := range []struct {
		name, sign string
		b          []byte
		part       rules.Part
	}{{"client", ">", x.After.Client, rules.FromClient}, {"server", "<", x.After.Server, rules.FromServer}} {
		if len(side.b) == 0 {
			continue
		}
		view := v.View
		if view == "fields" {
			view = "wire"
		}
		add(&v.Behind, showPart("First bytes from the "+side.name, side.sign, side.b, nil, evidenceOf(v.Findings, side.part, len(side.b)), view))
		v.Frames = append(v.Frames, framesOf(v.Protocol, side.name, side.b)...)
	}
}

// facts lists what is known beside the bytes.
func (v *exchangeView) facts() {
	x := v.Ruling.X
	secure := func(tls bool) string {
		if tls {
			return " over TLS"
		}
		return ""
	}
	for _, f := range []Setting{
		{Key: "client", Value: x.Client + secure(x.ClientTLS)}, {Key: "backend", Value: x.Backend + secure(x.BackendTLS)},
		{Key: "route", Value: x.Route}, {Key: "endpoint", Value: v.Endpoint}, {Key: "protocol", Value: v.Protocol},
		{Key: "origin", Value: string(x.Origin)}, {Key: "probe", Value: x.Probe}, {Key: "run", Value: v.Ruling.Run},
		{Key: "outcome", Value: strings.TrimSpace(string(x.Outcome) + " " + string(x.Cause))}, {Key: "altered", Value: strings.Join(x.Altered, ", ")},
		{Key: "elsewhere", Value: x.Elsewhere}, {Key: "not kept", Value: strings.Join(x.Lossy, ", ")},
		{Key: "redacted", Value: strings.Join(v.Ruling.Redacted(), ", ")}, {Key: "instance", Value: v.Ruling.Instance},
		{Key: "exchange", Value: x.ID},
	} {
		if f.Value != "" {
			v.Facts = append(v.Facts, f)
		}
	}
}
