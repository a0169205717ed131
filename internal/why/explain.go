package why

import (
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/capture"
	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// maxExplained is how many exchanges of a recording are explained.
const maxExplained = 50

// Explain explains exchanges that were read from a paste or a recording, and what the reading of it
// showed beside them. Nothing is sent. Step is called with each step; it may be nil.
func Explain(all []*wire.Exchange, was capture.Report, step func(*Step)) *Report {
	w := &walker{settings: Settings{Step: step}}
	w.report = Report{Result: Unknown, Diagnoses: []rules.Diagnosis{}, Notes: []string{}}
	accepted, failed, open := 0, 0, 0
	for i, x := range all[:min(len(all), maxExplained)] {
		w.secrets = append(append(w.secrets, secretsOf(fieldsOf(x))...), queried(x.Request.Target)...).sorted()
		a := &attempt{form: form{what: shownRequest(x)}, x: x}
		a.judge()
		again := slices.ContainsFunc(all[i+1:], func(y *wire.Exchange) bool { return sameRequest(x, y) })
		step := a.recorded()
		step.Neutral = step.Neutral || a.otherOffer() || a.unsure()
		w.take(step)
		switch {
		case a.otherOffer():
			for _, d := range a.diagnoses {
				w.note("%s. %s", d.Text, d.Cause)
			}
		case a.unsure():
			open++
			w.note("The response headers are not shown: whether clients take the 101 cannot be told")
		case a.x.Outcome == wire.Unseen:
			open++
			w.explained(a)
		case a.works():
			accepted++
		case !again: // only the last one of several attempts counts
			failed++
			w.explained(a)
		}
	}
	if n := len(all) - maxExplained; n > 0 {
		w.note("%s more were not explained", printed.Count(n, "exchange"))
	}
	w.around(&was)
	r := &w.report
	slices.SortStableFunc(r.Diagnoses, func(a, b rules.Diagnosis) int { return int(b.Certainty) - int(a.Certainty) })
	switch {
	case failed+open == 0 && accepted > 0 && len(r.Diagnoses) == 0:
		r.Result = Works
	case r.known():
		r.Result = Fails
	}
	r.Summary = w.secrets.blank(r.told(len(all), accepted, failed))
	return r
}

// fieldsOf are the headers of the request of an exchange. Pseudo-headers have no secrets but the query.
func fieldsOf(x *wire.Exchange) (all []probe.Field) {
	for _, f := range x.Request.Fields {
		if x.Request.Raw[f.Name.From] == ':' {
			continue
		}
		all = append(all, probe.Field{Name: string(x.Request.Text(f.Name)), Value: string(x.Request.Text(f.Value))})
	}
	return all
}

// shownRequest is the method and the target of a request.
func shownRequest(x *wire.Exchange) string {
	if x.Backend == "" && slices.Contains(x.Lossy, capture.LostRequest) {
		return "Handshake"
	}
	return printed.Escaped(x.Request.Method+" "+rules.Redaction{}.Target(x.Request.Target), 60)
}

// sameRequest reports whether two exchanges are attempts at the same.
func sameRequest(x, y *wire.Exchange) bool {
	return x.Request.Target == y.Request.Target && x.Request.Has("Upgrade") == y.Request.Has("Upgrade")
}

// otherOffer reports whether the request offers something else than WebSocket.
func (a *attempt) otherOffer() bool {
	q := a.x.Request
	return q.Has("Upgrade") && !q.Offers("websocket") && !q.Has("Sec-WebSocket-Key")
}

// unsure reports whether the response is a 101 whose headers are not shown.
func (a *attempt) unsure() bool {
	return a.status() == 101 && slices.Contains(a.x.Lossy, capture.LostResponse)
}

// recorded is an exchange of a recording as a step.
func (a *attempt) recorded() Step {
	s := a.step("recorded", a.x.Took, 0)
	switch {
	case a.x.Response == nil && a.x.Outcome == wire.Unseen:
		s.Answer, s.Neutral = "no response is shown", true
	case a.unsure():
		s.Answer = statusLine(a.x.Response)
	}
	if missing := missingParts(a.x); missing != "" {
		s.Answer += " (not shown: " + missing + ")"
	}
	return s
}

// missingParts are the parts of an exchange that its recording does not show.
func missingParts(x *wire.Exchange) string {
	words := map[string]string{
		capture.LostRequest: "some request headers", capture.LostResponse: "response headers", capture.LostVersion: "the HTTP version", capture.LostAftermath: "the data after the 101",
	}
	var all []string
	for _, part := range x.Lossy {
		if word := words[part]; word != "" {
			all = append(all, word)
		}
	}
	return strings.Join(all, ", ")
}

// explained records why an exchange failed.
func (w *walker) explained(a *attempt) {
	q := a.x.Request
	if !q.Offers("websocket") && !q.Has("Sec-WebSocket-Key") && !q.Has("Upgrade") && !q.Has(":protocol") {
		switch {
		case a.x.Response == nil:
		case len(q.Fields) == 0 && slices.Contains(a.x.Lossy, capture.LostRequest):
			w.note("The request headers are not shown: paste them too")
		default:
			w.found(noOffer(a))
		}
		return
	}
	if f := a.fault(); f != nil && (a.x.Stream == nil || len(a.diagnoses) == 0) {
		w.found(invalid(f))
	}
	w.found(a.diagnoses...)
	if len(a.diagnoses) == 0 {
		if d, ok := closedAtOnce(a); ok {
			w.found(d)
		}
	}
	id := fmt.Sprintf("rejected-%d", a.status())
	if a.status() == 200 {
		id = "page-instead"
	}
	if len(a.diagnoses) == 0 && diagnose.Find(id) != nil && slices.Contains(a.x.Lossy, capture.LostRequest) {
		w.note("What a %d may come from: interlock diagnoses %s", a.status(), id)
	}
	if url := urlOf(a.x); url != "" && !w.tryIt {
		w.tryIt = true
		w.note("To find out more, let Interlock try it: interlock why %s", url)
	}
}

// fault is what is wrong with the request: the worst finding about its sender; nil if there is none.
func (a *attempt) fault() (worst *rules.Finding) {
	for i := range a.ruling.Findings {
		f := &a.ruling.Findings[i]
		if f.Party == rules.Client && f.Verdict < rules.Unclear && f.Severity > rules.Info && (worst == nil || f.Severity > worst.Severity) {
			worst = f
		}
	}
	return worst
}

// urlOf is the URL of an exchange without secrets; empty if it is not known.
func urlOf(x *wire.Exchange) string {
	if x.Backend == "" {
		return ""
	}
	scheme, host := "ws", strings.TrimSuffix(x.Backend, ":80")
	switch {
	case x.BackendTLS:
		scheme, host = "wss", strings.TrimSuffix(x.Backend, ":443")
	case x.Stream != nil:
		scheme = "h2c"
	}
	if named, ok := x.Request.Host(); ok {
		host = named
	}
	if strings.ContainsAny(host, " /\\'\"") || !strings.HasPrefix(x.Request.Target, "/") {
		return ""
	}
	return printed.Escaped(scheme+"://"+host+rules.Redaction{}.Target(x.Request.Target), 200)
}

// told is the paragraph about a recording.
func (r *Report) told(exchanges, accepted, failed int) string {
	var all []string
	add := func(format string, v ...any) { all = append(all, fmt.Sprintf(format, v...)+".") }
	switch {
	case r.Result == Works:
		add("It works: the server accepts %s", map[bool]string{true: "the handshake", false: "the handshakes"}[accepted == 1])
	case exchanges == 0 && len(r.Diagnoses) == 0:
		add("There is no handshake in it")
	case len(r.Diagnoses) == 0 && failed == 0 && accepted > 0:
		add("The server accepts %s. Of the rest it cannot be told whether it works", printed.Count(accepted, "handshake"))
	case len(r.Diagnoses) == 0 && failed == 0:
		add("What is shown does not tell whether it works")
	case len(r.Diagnoses) == 0:
		add("What is shown does not tell why it fails")
	default:
		add("It does not work")
	}
	for i := range r.Diagnoses {
		if d := &r.Diagnoses[i]; i == 0 || d.Certainty >= rules.Likely && i < 3 {
			add("%s", d.Text)
			add("%s%s", d.Cause, doubt(d))
		}
	}
	for _, n := range r.Notes {
		add("%s", n)
	}
	return strings.Join(all, " ")
}
