package run

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// probeText writes a line for each probe as its answer comes. At the end it says what the controls were, what was not
// sent, whose fault the failures are; what failed and how to mend it is told as in every other report.
type probeText struct {
	w      io.Writer
	marks  *terminal.Console
	run    *Probing
	rest   report.Writer   // the text report of all commands
	behind *gate           // which that writes to
	began  bool            // the line of the endpoint is written
	told   map[string]bool // other rules than those of the probes whose failure was told, by ID
}

// gate lets nothing through before it is open.
type gate struct {
	w    io.Writer
	open bool
}

// Write writes what may pass.
func (g *gate) Write(p []byte) (int, error) {
	if !g.open {
		return len(p), nil
	}
	return g.w.Write(p)
}

// newText is the text report of a run of probes.
func (p *Probing) newText(w io.Writer, o report.Options) (report.Writer, error) {
	t := &probeText{w: w, run: p, told: map[string]bool{}, marks: &terminal.Console{Color: o.Color, ASCII: o.ASCII}, behind: &gate{w: w}}
	var err error
	t.rest, err = report.Open("text", t.behind, o)
	return t, err
}

// Write is part of report.Writer.
func (t *probeText) Write(r *rules.Ruling) error {
	var b bytes.Buffer
	if !t.began {
		t.begin(&b)
		if line := controlLine(t.marks, t.run.met); line != "" {
			fmt.Fprintf(&b, " control %s\n", line)
		}
	}
	t.line(&b, r)
	if err := t.flush(&b); err != nil {
		return err
	}
	return t.rest.Write(r)
}

// begin writes the line of the endpoint.
func (t *probeText) begin(b *bytes.Buffer) {
	if !t.began {
		t.began = true
		fmt.Fprintf(b, " endpoint %s   %s   run %s\n", t.run.place, t.run.target.Address, t.run.Run)
	}
}

// The widths of columns.
const (
	idWidth    = 30
	titleWidth = 50
	leastTitle = 12
)

// line is what came of one probe.
func (t *probeText) line(b *bytes.Buffer, r *rules.Ruling) {
	id, title := r.X.Probe, ""
	if q := rules.FindProbe(id); q != nil {
		title = q.Title
	}
	room := titleWidth
	if t.run.Width > 0 {
		room = min(room, max(leastTitle, t.run.Width-idWidth-30))
	}
	own := r.Own()
	severity := rules.Info
	if p := rules.FindProbe(id); p != nil && r.Find(p.Rule().ID) != nil {
		severity = r.Find(p.Rule().ID).Severity
	}
	if t.run.Flags.SeedCompat {
		severity = rules.Low // those tests have none, and a warning stays one
	}
	pad := idWidth
	if own == rules.Unclear {
		pad -= len("unclear") - len("fail")
	}
	fmt.Fprintf(b, "   %s %-*s %-*s %6s %9s%s\n", t.marks.Verdict(own, severity), pad, id, room, printed.Cut(title, room), AnswerOf(r.X), took(r.X), t.otherRules(r))
	if r.Verdict == rules.Fail {
		t.failures(b, r)
	}
}

// failures says what was expected and what came: of the rule that the probe was sent for each time, of any other rule that
// is the worst the first time, as many probes may meet with the same answer.
func (t *probeText) failures(b *bytes.Buffer, r *rules.Ruling) {
	q, worst := rules.FindProbe(r.X.Probe), r.Worst()
	actual := string(r.X.Outcome)
	if p := r.X.Response; p != nil {
		actual = strings.TrimSpace(fmt.Sprintf("%d %s", p.Status, printed.Line(p.Reason)))
	}
	say := func(f *rules.Finding, text string) {
		var refs []string
		for _, ref := range f.Refs {
			refs = append(refs, ref.String())
		}
		fmt.Fprintf(b, "       %s   %s, %s\n", strings.Join(refs, ", "), text, f.Detail)
	}
	if q != nil && r.Own() == rules.Fail {
		say(r.Find(q.Rule().ID), "expected "+Expectation(q.Class)+"   actual "+actual)
		if worst.Rule == q.Rule() {
			return
		}
	}
	if !t.told[worst.Rule.ID] {
		t.told[worst.Rule.ID] = true
		say(worst, worst.Rule.ID+"   "+actual)
	}
}

// Expectation is what a server is expected to answer to probes of a class.
func Expectation(k rules.Class) string {
	switch k {
	case rules.Refuse, rules.Warn101:
		return "any answer but 101"
	case rules.Refuse400:
		return "400"
	case rules.RefuseVersion, rules.Legacy:
		return "an error that names the versions spoken"
	case rules.Alive:
		return "an answer"
	case rules.Accept, rules.Interop:
		return "101"
	case rules.Body:
		return "no content read as the new protocol"
	case rules.Expect:
		return "100 before the 101"
	case rules.Differential:
		return "what the request gets without the offer"
	case rules.Negotiate:
		return "nothing agreed that was not offered"
	}
	return "a sound answer"
}

// AnswerOf is the status that came, or what came instead.
func AnswerOf(x *wire.Exchange) string {
	if x.Response != nil {
		return fmt.Sprint(x.Response.Status)
	}
	return string(x.Outcome)
}

// took is how long the answer took.
func took(x *wire.Exchange) string {
	ms := float64(x.Took.Microseconds()) / 1000
	switch {
	case x.Response == nil:
		return ""
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// otherRules names the rules that make the result what it is beside the one that the probe has its name from. Where the rule
// that the probe was sent for is better off than they are, their verdict stands before them.
func (t *probeText) otherRules(r *rules.Ruling) string {
	var others []string
	for _, id := range r.Broken() {
		if id != r.X.Probe {
			others = append(others, id)
		}
	}
	if len(others) == 0 {
		return ""
	}
	mark := ""
	if r.Own() != r.Verdict {
		mark = t.marks.Verdict(r.Verdict, r.Worst().Severity) + " "
	}
	return "   " + mark + strings.Join(others, " ")
}

// Close is part of report.Writer.
func (t *probeText) Close(s *report.Summary) error {
	if t.run.unmet {
		return nil // the error says it all
	}
	var b bytes.Buffer
	t.begin(&b)
	t.controls(&b)
	t.notSent(&b)
	t.faults(&b)
	if err := t.flush(&b); err != nil {
		return err
	}
	t.behind.open = true
	return t.rest.Close(s)
}

// maxSuspects is how many probes are named that may have made a backend worse. The document of the run has all.
const maxSuspects = 20

// controls says what became of the sound handshakes and, where one was not accepted, what to do.
func (t *probeText) controls(b *bytes.Buffer) {
	was := t.run.was
	if line := controlLine(t.marks, was.Controls); line != "" {
		fmt.Fprintf(b, "\n control %s\n", line)
	}
	if k := t.run.failedControl(); k != nil {
		fmt.Fprintf(b, "   %s: refusals of WebSocket probes say nothing here, and count as n/a\n   next: %s\n", k.came(), k.next())
	}
	if t.run.Flags.SeedCompat {
		b.WriteString("   scored by the status alone, as Http11Probe does: a refusal is a pass, whatever the control says\n")
	}
	t.crashes(b)
	if was.Degraded {
		fmt.Fprintf(b, "   degraded: at the end the backend did not take what it took at the beginning")
		if n := len(was.Suspects); n > maxSuspects {
			fmt.Fprintf(b, "; suspects: %s, and %d more", strings.Join(was.Suspects[:maxSuspects], ", "), n-maxSuspects)
		} else if n > 0 {
			fmt.Fprintf(b, "; suspects: %s", strings.Join(was.Suspects, ", "))
		}
		fmt.Fprintln(b)
	}
	if k := t.run.lostControl(); k != nil {
		fmt.Fprintf(b, "   %s\n   next: %s\n", k.came(), k.next())
	}
}

// notSent names the probes that were not sent, by reason.
func (t *probeText) notSent(b *bytes.Buffer) {
	var reasons []string
	ids := map[string][]string{}
	for _, n := range t.run.was.NotSent {
		if ids[n.Reason] == nil {
			reasons = append(reasons, n.Reason)
		}
		ids[n.Reason] = append(ids[n.Reason], n.Probe.ID)
	}
	for _, reason := range reasons {
		fmt.Fprintf(b, "\n not sent (%d): %s\n", len(ids[reason]), reason)
		writeFolded(b, strings.Join(ids[reason], ", "))
	}
}

// faults says of each failure whose it is.
func (t *probeText) faults(b *bytes.Buffer) {
	if len(t.run.faults) == 0 {
		return
	}
	fmt.Fprintf(b, "\n whose fault (direct: %s)\n", t.run.direct.place)
	for _, id := range t.run.faulty {
		fmt.Fprintf(b, "   %-*s %s\n", idWidth, id, t.run.faults[id])
	}
}

// writeFolded writes text in lines of a length that can be read.
func writeFolded(b *bytes.Buffer, text string) {
	for line := range strings.Lines(terminal.Fold(text, 100)) {
		fmt.Fprintf(b, "   %s\n", strings.TrimRight(line, "\n"))
	}
}

// flush writes what has gathered. In ASCII, signs that have a name are named.
func (t *probeText) flush(b *bytes.Buffer) error {
	text := b.String()
	if t.marks.ASCII {
		text = strings.ReplaceAll(text, "§", "section ")
	}
	_, err := io.WriteString(t.w, text)
	return err
}
