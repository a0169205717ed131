package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Format{
	Name: "text", Title: "for people: a line an exchange, then what failed and how to mend it",
	Open: func(w io.Writer, o Options) Writer { return &textWriter{w: w, Options: o} },
})

// textWriter writes a line for each exchange as it comes. Failures are explained at the end, by
// cause.
type textWriter struct {
	w io.Writer
	Options
	run   string               // that the last line was of
	open  map[string]previewed // exchanges of which more will be known, by ID
	about about
	merge merge
	whys  whys
}

// The bounds of lists.
const (
	maxCauses   = 20  // endpoints at which a rule failed, and rules that did not quite pass
	maxPlaces   = 5   // endpoints of one of those
	maxAccepted = 100 // accepted findings, and fixed ones
)

// Write writes the line of an exchange.
func (t *textWriter) Write(r *rules.Ruling) error {
	t.about.add(r)
	if t.Grouped && r.X.Origin == wire.OriginProbe {
		t.merge.add(r)
		return nil
	}
	var b bytes.Buffer
	was, shown := t.open[r.X.ID]
	if delete(t.open, r.X.ID); !shown || was != (previewed{r.Verdict, r.X.Outcome}) || len(r.Diagnoses) > 0 {
		t.exchange(&b, r)
	}
	t.merge.add(r)
	t.whys.add(r)
	return t.flush(&b)
}

// Preview is part of Previewer.
func (t *textWriter) Preview(r *rules.Ruling) error {
	is := previewed{r.Verdict, r.X.Outcome}
	if was, shown := t.open[r.X.ID]; shown && was == is {
		return nil
	}
	if t.open == nil {
		t.open = map[string]previewed{}
	}
	t.open[r.X.ID] = is
	var b bytes.Buffer
	t.exchange(&b, r)
	return t.flush(&b)
}

// previewed is the line that was written for an exchange of which more will be known.
type previewed struct {
	verdict rules.Verdict
	outcome wire.Outcome
}

// exchange writes the line of an exchange, and what explains it.
func (t *textWriter) exchange(b *bytes.Buffer, r *rules.Ruling) {
	if r.Run != t.run {
		t.run = r.Run
		fmt.Fprintf(b, " %s\n", wire.Escape([]byte(r.Run)))
	}
	x := r.X
	fmt.Fprintf(b, " %s %s %-5s %-7s %-28s %-6s %s%s\n", x.Time.UTC().Format("15:04:05.000"), t.verdict(r.Verdict, r.Benign()),
		printed.Protocol(x.Protocol()), printed.Escaped(x.Request.Method, 12), printed.Escaped(r.Target(), 60), answered(x), wrong(r), fidelity(r))
	t.explained(b, r)
}

// wrong returns what is wrong with an exchange, in one line: the problem, and the rules that say
// so.
func wrong(r *rules.Ruling) string {
	f := r.Worst()
	if f == nil || f.Verdict >= rules.Pass {
		return string(r.X.Outcome)
	}
	text := printed.ASCII(f.Detail) + " (" + strings.Join(r.Broken(), ", ") + ")"
	if _, accepted := standing(r); accepted {
		text += " (accepted)"
	}
	return text
}

// fidelity returns the parts of an exchange that a file did not keep, unless the problem says so
// itself.
func fidelity(r *rules.Ruling) string {
	if len(r.X.Lossy) == 0 || r.Verdict < rules.Pass {
		return ""
	}
	where := "not kept"
	if r.X.Origin == wire.OriginFile {
		where = "not in the file"
	}
	return "   (" + where + ": " + printed.ASCII(strings.Join(r.X.Lossy, ", ")) + ")"
}

// Close writes the failures, the warnings, accepted and fixed findings, what was not audited, and
// the result.
func (t *textWriter) Close(s *Summary) error {
	var b bytes.Buffer
	if !t.Quiet {
		t.findings(&b, s)
		t.why(&b)
		t.facts(&b, s)
		t.notes(&b, s)
		for _, line := range s.labelled() {
			t.entry(&b, " ", 1, line)
		}
	}
	fmt.Fprintf(&b, " %s\n", s.Result())
	return t.flush(&b)
}

// findings writes the findings, by cause.
func (t *textWriter) findings(b *bytes.Buffer, s *Summary) {
	p := part(t.merge.sorted())
	if !t.Answered {
		t.title(b, answer(s, p.failures))
	}
	hidden := p.atLeast(t.Least)
	if len(p.failures) > 0 {
		t.title(b, "failures, worst first ("+headline(p.failures, s.Verdicts[rules.Fail])+")")
	}
	for _, group := range byRule(p.failures) {
		t.failure(b, group)
	}
	if t.merge.more > 0 {
		fmt.Fprintf(b, "   ... and %s more\n", printed.Count(t.merge.more, "finding"))
	}
	t.mild(b, "warnings", p.warnings)
	t.mild(b, "unclear", p.unclear)
	if hidden > 0 {
		t.title(b, fmt.Sprintf("not shown: %s below --severity %v", printed.Count(hidden, "cause"), t.Least))
	}
	t.list(b, "accepted", p.accepted)
	t.list(b, "fixed", p.fixed)
}

// facts writes what the report is about.
func (t *textWriter) facts(b *bytes.Buffer, s *Summary) {
	for i, f := range t.about.facts(&t.Options, s) {
		if i == 0 {
			t.title(b, "about")
		}
		t.entry(b, fmt.Sprintf("   %-11s ", f.Name), nameWidth+1, f.Value)
	}
}

// notes writes what was not audited, and remarks on accepted and expected things.
func (t *textWriter) notes(b *bytes.Buffer, s *Summary) {
	for _, each := range []struct {
		title string
		lines []string
	}{{"not audited", s.Notes}, {"accepted and expected", s.Remarks}} {
		for i, line := range each.lines {
			if i == 0 {
				t.title(b, each.title)
			}
			t.entry(b, "   ", 3, wire.Escape([]byte(line)))
		}
	}
	b.WriteByte('\n')
	t.entry(b, " ", 1, "coverage: "+s.Coverage.String())
	if s.NotSeen > 0 {
		fmt.Fprintf(b, " not seen: %s of the baseline\n", printed.Count(s.NotSeen, "finding"))
	}
}

// verdict returns a verdict as colour, symbol and word. A harmless one is shown as information.
func (t *textWriter) verdict(v rules.Verdict, benign bool) string {
	m := printed.MarkOf(v)
	switch {
	case v == rules.Warn && benign:
		m = printed.Info()
	case v == rules.Unclear:
		m.Word = "?"
	}
	if t.ASCII {
		m.Symbol = m.Plain
	}
	return t.paint(m.Color, fmt.Sprintf("%s %-4s", m.Symbol, m.Word))
}

// paint is a text in a colour, where the report has any.
func (t *textWriter) paint(color, text string) string {
	if t.Color {
		return "\x1b[" + color + "m" + text + "\x1b[0m"
	}
	return text
}

// flush writes the buffer. In ASCII, symbols that have a name are written by name.
func (t *textWriter) flush(b *bytes.Buffer) error {
	text := b.Bytes()
	if t.ASCII {
		text = []byte(printed.Signs(string(text)))
	}
	_, err := t.w.Write(text)
	return err
}
