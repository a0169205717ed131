package run

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// chainJSON is a run of chain as a document, version 1.
type chainJSON struct {
	Schema  int       `json:"schema"`
	Time    string    `json:"time"`
	Run     string    `json:"run"`
	Version string    `json:"version"`
	Answer  string    `json:"answer"` // which hops are to blame
	Hops    []hopJSON `json:"hops"`
}

type hopJSON struct {
	Hop       string         `json:"hop"` // its name
	URL       string         `json:"url"`
	Endpoint  string         `json:"endpoint"`
	Address   string         `json:"address"`
	Answer    string         `json:"answer"`
	Transport bool           `json:"transport"`         // it relays bytes and reads no HTTP
	Tunnels   bool           `json:"tunnels"`           // a valid WebSocket handshake passes
	Streams   *bool          `json:"streams,omitempty"` // a valid WebSocket handshake in HTTP/2 passes; not there without HTTP/2
	Failed    string         `json:"failed,omitempty"`
	Summary   map[string]int `json:"summary"`
	Dropped   *droppedJSON   `json:"dropped,omitempty"`

	Differences []differenceJSON `json:"differences,omitempty"` // between the versions of HTTP

	Results []passageJSON `json:"results"`
}

// droppedJSON is what the sink did not keep because it was too much.
type droppedJSON struct {
	Requests    int `json:"requests"`
	Connections int `json:"connections"`
}

type passageJSON struct {
	Probe      string      `json:"probe"`
	Label      string      `json:"label"`
	Expected   string      `json:"expected"`
	Verdict    string      `json:"verdict"`
	Faults     []faultJSON `json:"faults"`
	Facts      []string    `json:"facts,omitempty"`
	Why        string      `json:"why,omitempty"`
	Connection int         `json:"connection,omitempty"` // number of the backend connection
	Near       *headsJSON  `json:"near,omitempty"`
	Far        *headsJSON  `json:"far,omitempty"`

	Ruling json.RawMessage `json:"ruling"` // null where nothing was sent
}

// faultJSON is a finding that did not pass.
type faultJSON struct {
	Verdict  string `json:"verdict"`
	Severity string `json:"severity"`
	Rule     string `json:"rule"`
	Detail   string `json:"detail"`
}

// headsJSON has the heads of an exchange in the notation of transcripts.
type headsJSON struct {
	Request  string `json:"request"`
	Response string `json:"response,omitempty"`
	Outcome  string `json:"outcome"`
}

// chainDocument writes the document of the run.
type chainDocument struct {
	w        io.Writer
	chaining *Chaining
}

func (c *Chaining) newJSON(w io.Writer, _ report.Options) (report.Writer, error) {
	return &chainDocument{w, c}, nil
}

// Write is part of report.Writer.
func (*chainDocument) Write(*rules.Ruling) error { return nil }

// Close is part of report.Writer.
func (d *chainDocument) Close(*report.Summary) error { return d.chaining.document(d.w) }

// document writes the document of the run.
func (c *Chaining) document(w io.Writer) error {
	d := chainJSON{Schema: 1, Time: c.Began.UTC().Format(time.RFC3339), Run: c.Run, Version: version.String(), Hops: []hopJSON{}}
	_, answer := c.blames()
	d.Answer = printed.ASCII(answer)
	for _, h := range c.hops {
		_, answer := c.says(h)
		n := h.verdicts()
		j := hopJSON{
			Hop: h.route, URL: h.place.String(), Endpoint: h.endpoint(), Address: h.hop.Address, Answer: printed.ASCII(answer), Transport: h.report.Transport, Tunnels: h.report.Tunnels,
			Summary: map[string]int{
				"fail": n[rules.Fail], "warn": n[rules.Warn], "unclear": n[rules.Unclear], "pass": n[rules.Pass],
				"not-applicable": n[rules.NotApplicable], "not-sent": len(h.report.NotSent),
			},
			Results: []passageJSON{}, Differences: h.differences(),
		}
		if c.versions != chain.HTTP1 {
			j.Streams = &h.report.Streams
		}
		if d := h.report.Dropped; d != (chain.Dropped{}) {
			j.Dropped = &droppedJSON{d.Requests, d.Connections}
		}
		if h.failed != nil {
			j.Failed = printed.ASCII(h.failed.Error())
		}
		for i := range h.results {
			p, err := h.passage(&h.results[i])
			if err != nil {
				return err
			}
			j.Results = append(j.Results, p)
		}
		for _, s := range h.report.NotSent {
			j.Results = append(j.Results, passageJSON{Probe: s.Probe.ID, Label: s.Probe.Label, Expected: s.Probe.Want, Verdict: "not-sent", Why: s.Reason, Faults: []faultJSON{}, Ruling: json.RawMessage("null")})
		}
		d.Hops = append(d.Hops, j)
	}
	return report.Document(w, d)
}

// passage is a result as the document has it.
func (h *passed) passage(r *chain.Result) (p passageJSON, err error) {
	p = passageJSON{
		Probe: r.Probe.ID, Label: r.Probe.Label, Expected: r.Probe.Want, Verdict: r.Verdict.String(), Faults: []faultJSON{}, Facts: r.Facts, Why: r.Why,
		Connection: r.Number, Near: h.heads(r.Near), Far: h.heads(r.Far), Ruling: json.RawMessage("null"),
	}
	if len(r.Near.Request.Raw) > 0 {
		if p.Ruling, err = report.Element(r.Ruling); err != nil {
			return p, err
		}
	}
	for i := range r.Ruling.Findings {
		if f := &r.Ruling.Findings[i]; f.Verdict < rules.Pass {
			p.Faults = append(p.Faults, faultJSON{f.Verdict.String(), f.Severity.String(), f.Rule.ID, printed.ASCII(f.Detail)})
		}
	}
	return p, nil
}

// heads are those of an exchange, without the values of the user's own headers.
func (h *passed) heads(x *wire.Exchange) *headsJSON {
	if x == nil || len(x.Request.Raw) == 0 {
		return nil
	}
	j := &headsJSON{Request: h.shown(x.Request.Raw), Outcome: string(x.Outcome)}
	if x.Response != nil {
		j.Response = h.shown(x.Response.Raw)
	}
	return j
}

// blank removes the values of the user's own headers.
func (h *passed) blank(line []byte) []byte {
	name, _, ok := bytes.Cut(line, []byte(":"))
	if ok && slices.ContainsFunc(h.hop.Fields, func(f [2]string) bool { return wire.EqualFold(f[0], name) }) {
		return slices.Concat(name, []byte(": ***"), line[len(bytes.TrimRight(line, "\r\n")):])
	}
	return line
}

// shown returns a head in the notation of transcripts, without the values of the user's own headers.
func (h *passed) shown(head []byte) string {
	var b strings.Builder
	for line := range bytes.Lines(head) {
		b.WriteString(wire.Escape(h.blank(line)))
	}
	return b.String()
}
