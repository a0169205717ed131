package run

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

// probeText is the text report of a probe run. It begins with the answer to whether the endpoint is
// safe. Then come the controls, the probes that were not sent, and the attribution of failures. The
// failures themselves are reported as in every text report. On request it also writes a line for
// each probe when its result arrives.
type probeText struct {
	w       io.Writer
	marks   *terminal.Console
	columns int
	verbose bool
	run     *Probing
	rest    report.Writer // the text report of all commands
	behind  *gate         // the output of rest
	site    *site         // the site of the last line
	http2   bool          // the last line is of a probe in HTTP/2
}

// gate drops everything until it is opened.
type gate struct {
	w    io.Writer
	open bool
}

// Write writes if the gate is open.
func (g *gate) Write(p []byte) (int, error) {
	if !g.open {
		return len(p), nil
	}
	return g.w.Write(p)
}

// newText returns the text report of a probe run.
func (p *Probing) newText(w io.Writer, o report.Options) (report.Writer, error) {
	t := &probeText{
		w: w, run: p, marks: &terminal.Console{Color: o.Color, ASCII: o.ASCII}, behind: &gate{w: w}, columns: unlimited,
		verbose: p.Flags.Verbose && !p.Flags.Quiet,
	}
	if o.Width > 0 {
		t.columns = report.Columns(o.Width)
	}
	o.Answered = true
	var err error
	t.rest, err = report.Open("text", t.behind, o)
	return t, err
}

// Write is part of report.Writer.
func (t *probeText) Write(r *rules.Ruling) error {
	if t.verbose {
		var b bytes.Buffer
		if s := t.run.current; t.site != s {
			t.site = s
			t.about(&b, s, s.met)
			t.http2 = false
		}
		t.heading(&b, r)
		t.line(&b, r)
		if err := t.flush(&b); err != nil {
			return err
		}
	}
	return t.rest.Write(r)
}

// heading writes the version of HTTP, where it is another one than that of the probe before.
func (t *probeText) heading(b *bytes.Buffer, r *rules.Ruling) {
	q := rules.FindProbe(r.X.Probe)
	if q == nil || q.HTTP2() == t.http2 {
		return
	}
	version := "HTTP/1.1"
	if t.http2 = q.HTTP2(); t.http2 {
		version = "HTTP/2"
	}
	fmt.Fprintf(b, " %s\n", version)
}

// about names a site and the results of its controls.
func (t *probeText) about(b *bytes.Buffer, s *site, controls []probe.Control) {
	at := ""
	if s.target.Address != "" { // a running serve says it at the end
		at = " at " + s.target.Address
	}
	t.entry(b, " ", fmt.Sprintf("endpoint %s%s, run %s", s.place, at, t.run.Run))
	const name = " control "
	if line := controlLine(t.marks, controls); line != "" && len(name)+len(controlLine(plainly(), controls)) <= t.columns {
		fmt.Fprintf(b, "%s%s\n", name, line)
	} else {
		for i := range controls { // each on a line of its own
			if line := controlLine(t.marks, controls[i:i+1]); line != "" {
				t.hang(b, name, len(name), line)
			}
		}
	}
}

// plainly returns marks without colours, to measure lines.
func plainly() *terminal.Console { return &terminal.Console{ASCII: true} }

// The widths of columns.
const (
	idWidth   = 30
	lineWidth = 60 // of the line of a probe, before its findings
)

// line is the result of one probe.
func (t *probeText) line(b *bytes.Buffer, r *rules.Ruling) {
	id, label := r.X.Probe, ""
	own, severity := r.Own(), rules.Info
	if q := rules.FindProbe(id); q != nil {
		label = q.Label
		if f := r.Find(q.Rule().ID); f != nil {
			severity = f.Severity
		}
	}
	if t.run.Flags.SeedCompat {
		severity = rules.Low // these tests have no severities, and a warning stays one
	}
	pad := idWidth
	if own == rules.Unclear {
		pad -= len("unclear") - len("fail")
	}
	beginning := fmt.Sprintf("   %s %-*s %6s %9s  ", t.marks.Verdict(own, severity), pad, id, AnswerOf(r.X), responseTime(r.X))
	if why := r.Unsent(); why != "" {
		label += "; " + why
	}
	t.hang(b, beginning, lineWidth, label+t.otherRules(r))
}

// otherRules names the other rules that determine the result. If their verdict is worse than that
// of the probe's own rule, it precedes them.
func (t *probeText) otherRules(r *rules.Ruling) string {
	var others []string
	for _, id := range r.Broken() {
		if id != r.X.Probe {
			others = append(others, id)
		}
	}
	switch {
	case len(others) == 0:
		return ""
	case r.Own() != r.Verdict:
		return "; " + t.marks.Verdict(r.Verdict, r.Worst().Severity) + " by " + strings.Join(others, ", ")
	}
	return "; " + strings.Join(others, ", ")
}

// Close is part of report.Writer.
func (t *probeText) Close(s *report.Summary) error {
	sites := t.shown()
	if len(sites) == 0 {
		return nil // the error says it all
	}
	var b bytes.Buffer
	if t.site != nil {
		b.WriteByte('\n')
	}
	t.headlines(&b, sites)
	if !t.run.Flags.Quiet {
		for _, s := range sites {
			b.WriteByte('\n')
			t.about(&b, s, s.was.Controls)
			t.state(&b, s)
			t.notSent(&b, s)
			t.faults(&b, s)
		}
	}
	if err := t.flush(&b); err != nil {
		return err
	}
	t.behind.open = true
	return t.rest.Close(s)
}

// shown returns the sites to report on: all of them, except a single one that cannot be probed.
func (t *probeText) shown() []*site {
	return slices.DeleteFunc(slices.Clone(t.run.sites), func(s *site) bool { return s.unmet() && len(t.run.sites) == 1 })
}

// headlines writes whether the sites are safe; with several, a summary first.
func (t *probeText) headlines(b *bytes.Buffer, sites []*site) {
	unsafe, unclear := 0, 0
	for _, s := range sites {
		switch v, _, _ := s.says(); v {
		case rules.Fail:
			unsafe++
		case rules.Unclear:
			unclear++
		}
	}
	if n := len(sites); n > 1 {
		text, v := fmt.Sprintf("Safe as far as tested: %d endpoints.", n), rules.Pass
		switch {
		case unsafe > 0:
			text, v = fmt.Sprintf("Not safe: %d of %d endpoints.", unsafe, n), rules.Fail
		case unclear > 0:
			text, v = fmt.Sprintf("Could not tell: %d of %d endpoints.", unclear, n), rules.Unclear
		}
		t.hang(b, " "+t.marks.Symbol(v)+" ", 3, text)
	}
	for _, s := range sites {
		v, answer, worst := s.says()
		t.hang(b, " "+t.marks.Symbol(v)+" ", 3, answer)
		if worst != "" {
			t.entry(b, "   ", worst)
		}
	}
}

// state describes whatever weakens the results of a site and, if a valid handshake was rejected,
// what to do.
func (t *probeText) state(b *bytes.Buffer, s *site) {
	was := &s.was
	if k := s.failedControl(); k != nil {
		t.entry(b, "   ", k.came()+": rejections of WebSocket probes prove nothing here and count as n/a")
		t.why(b, k)
		t.entry(b, "   ", "next: "+k.next())
	}
	if was.HTTP2 != "" && s.version == probe.Chosen { // else each probe that was not sent has this reason
		t.entry(b, "   ", "not probed in HTTP/2: "+was.HTTP2)
	}
	if t.run.Flags.SeedCompat {
		t.entry(b, "   ", "scored by the status alone, as Http11Probe does: a rejection is a pass, whatever the control got")
	}
	t.pace(b, s)
	t.crashes(b, s)
	if was.Degraded {
		text := "degraded: at the end the backend rejected a handshake that it had accepted at the start"
		if n := len(was.Suspects); n > maxSuspects {
			text += fmt.Sprintf("; suspects: %s, and %d more", strings.Join(was.Suspects[:maxSuspects], ", "), n-maxSuspects)
		} else if n > 0 {
			text += "; suspects: " + strings.Join(was.Suspects, ", ")
		}
		t.entry(b, "   ", text)
	}
	if k := s.lostControl(); k != nil {
		t.entry(b, "   ", k.came())
		t.why(b, k)
		t.entry(b, "   ", "next: "+k.next())
	}
}

// The most IDs of probes in a line.
const (
	maxSuspects = 20 // suspects of having degraded the backend; the document of the run has all
	maxSkipped  = 8  // probes that were not sent, unless --verbose lists them all
)

// notSent names the probes that were not sent, by reason.
func (t *probeText) notSent(b *bytes.Buffer, s *site) {
	var reasons []string
	ids := map[string][]string{}
	for _, n := range s.was.NotSent {
		if ids[n.Reason] == nil {
			reasons = append(reasons, n.Reason)
		}
		ids[n.Reason] = append(ids[n.Reason], n.Probe.ID)
	}
	for _, reason := range reasons {
		all, more := ids[reason], ""
		if n := len(all) - maxSkipped; n > 1 && !t.verbose {
			all, more = all[:maxSkipped], fmt.Sprintf(", and %d more (--verbose names them)", n)
		}
		t.entry(b, " ", fmt.Sprintf("not sent (%d): %s", len(ids[reason]), reason))
		t.entry(b, "   ", strings.Join(all, ", ")+more)
	}
}

// faults lists the attributions of failures.
func (t *probeText) faults(b *bytes.Buffer, s *site) {
	if len(s.faults) == 0 {
		return
	}
	fmt.Fprintf(b, "\n whose fault (direct: %s)\n", s.direct.place)
	for _, id := range s.faulty {
		t.hang(b, fmt.Sprintf("   %-*s ", idWidth, id), 4+idWidth, s.faults[id])
	}
}
