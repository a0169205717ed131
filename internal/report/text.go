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

// textWriter writes a line for each exchange as it comes. Failures are told in full at the end, by cause.
type textWriter struct {
	w io.Writer
	Options
	run   string // that the last line was of
	merge merge
}

// The bounds of what is told one by one.
const (
	maxCauses   = 20  // endpoints at which a rule failed
	maxAccepted = 100 // accepted findings, and fixed ones
)

// Write writes the line of an exchange.
func (t *textWriter) Write(r *rules.Ruling) error {
	var b bytes.Buffer
	if r.Run != t.run {
		t.run = r.Run
		fmt.Fprintf(&b, " %s\n", wire.Escape([]byte(r.Run)))
	}
	x := r.X
	fmt.Fprintf(&b, " %s %s %-5s %-7s %-28s %-6s %s%s\n", x.Time.UTC().Format("15:04:05.000"), t.verdict(r.Verdict, r.Benign()),
		printed.Protocol(x.Protocol()), printed.Escaped(x.Request.Method, 12), printed.Escaped(r.Target(), 60), answered(x), wrong(r), fidelity(x))
	t.merge.add(r)
	return t.flush(&b)
}

// wrong is what is wrong with an exchange, in one line: the rules and, where one was broken, the sections.
func wrong(r *rules.Ruling) string {
	words := r.Broken()
	if len(words) == 0 {
		return string(r.X.Outcome)
	}
	if r.Verdict < rules.Unclear {
		for _, ref := range r.Find(words[0]).Refs {
			words = append(words, ref.String())
		}
	}
	if _, accepted := standing(r); accepted {
		words = append(words, "(accepted)")
	}
	return strings.Join(words, " ")
}

// fidelity says what is not known of an exchange that was read from a file.
func fidelity(x *wire.Exchange) string {
	if len(x.Lossy) == 0 {
		return ""
	}
	return "   (not in the file: " + printed.ASCII(strings.Join(x.Lossy, ", ")) + ")"
}

// Close tells the failures, what was accepted or fixed, what was not audited, and the result.
func (t *textWriter) Close(s *Summary) error {
	var b bytes.Buffer
	p := part(t.merge.sorted())
	if len(p.failures) > 0 {
		fmt.Fprintf(&b, "\n failures (%s)\n", headline(p.failures, s.Verdicts[rules.Fail]))
	}
	for _, group := range byRule(p.failures) {
		t.failure(&b, group)
	}
	if t.merge.more > 0 {
		fmt.Fprintf(&b, "   ... and %s more\n", printed.Count(t.merge.more, "finding"))
	}
	t.list(&b, "accepted", p.accepted)
	t.list(&b, "fixed", p.fixed)
	if len(s.Notes) > 0 {
		b.WriteString("\n not audited\n")
		for _, note := range s.Notes {
			fmt.Fprintf(&b, "   %s\n", wire.Escape([]byte(note)))
		}
	}
	if len(s.Remarks) > 0 {
		b.WriteString("\n accepted and expected\n")
		for _, remark := range s.Remarks {
			fmt.Fprintf(&b, "   %s\n", wire.Escape([]byte(remark)))
		}
	}
	fmt.Fprintf(&b, "\n coverage: %s\n", s.Coverage)
	if s.NotSeen > 0 {
		fmt.Fprintf(&b, " not seen: %s of the baseline\n", printed.Count(s.NotSeen, "finding"))
	}
	fmt.Fprintf(&b, " %s\n", s.Result())
	return t.flush(&b)
}

// failure tells the causes that one rule explains.
func (t *textWriter) failure(b *bytes.Buffer, all []*cause) {
	rule := all[0].first().rule
	fmt.Fprintf(b, "   %s %s   %s\n", t.verdict(rules.Fail, false), rule.ID, rule.Title)
	for _, c := range all[:min(len(all), maxCauses)] {
		is := c.first()
		f := &is.finding
		facts := []string{f.Severity.String(), fault(f), printed.Count(c.count, "exchange")}
		if states := c.states(); states != "" {
			facts = append(facts, states)
		}
		t.line(b, "at", printed.Cut(is.place(), 60)+"   "+strings.Join(facts, ", "))
		t.line(b, "", cited(f.Refs)+"   "+printed.ASCII(f.Detail))
		if len(f.Related) > 0 {
			t.line(b, "also", printed.ASCII(strings.Join(f.Related, ", ")))
		}
		if probes := c.probes(); probes != "" {
			t.line(b, "probes", probes)
		}
		t.again(b, is)
	}
	if n := len(all) - maxCauses; n > 0 {
		t.line(b, "at", printed.Count(n, "endpoint")+" more")
	}
	t.part(b, "why", rule.Why)
	t.part(b, "fix", rule.Fix)
	t.part(b, "more", more(rule))
}

// again writes the commands that send the request of a finding again, and what is to be filled in there.
func (t *textWriter) again(b *bytes.Buffer, is *merged) {
	a := is.recipe()
	t.command(b, "again", a.Shell)
	t.command(b, "curl", a.Curl)
	if a.Probe != "" {
		t.line(b, "or", a.Probe)
	}
	for _, note := range a.Notes {
		t.part(b, "note", note)
	}
}

// command writes a command under its name, in lines that a shell reads as one.
func (t *textWriter) command(b *bytes.Buffer, name string, words []string) {
	if len(words) == 0 {
		return
	}
	for _, line := range Continued(words, t.room()) {
		t.line(b, name, line)
		name = ""
	}
}

// The columns of a report for people.
const (
	usualWidth   = 114 // where nothing is known of the reader's terminal
	leastWidth   = 60
	mostWidth    = 200
	nameWidth    = 14  // what stands in front of a line under its name
	maxTextWidth = 100 // of prose, which is hard to read in longer lines
)

// room is how many columns there are behind the name of a line.
func (t *textWriter) room() int {
	width := usualWidth
	if t.Width > 0 {
		width = min(max(t.Width, leastWidth), mostWidth)
	}
	return width - nameWidth
}

// list names findings that make nothing fail.
func (t *textWriter) list(b *bytes.Buffer, name string, all []*merged) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "\n %s (%s)\n", name, printed.Count(len(all), "finding"))
	for _, is := range all[:min(len(all), maxAccepted)] {
		fmt.Fprintf(b, "   %s %s   %s\n", t.verdict(is.Verdict, false), printed.Cut(is.name(), 100), is.exchanges())
	}
	if n := len(all) - maxAccepted; n > 0 {
		fmt.Fprintf(b, "   ... and %s more\n", printed.Thousands(int64(n)))
	}
}

// line writes one line under its name.
func (t *textWriter) line(b *bytes.Buffer, name, text string) {
	fmt.Fprintf(b, "       %-6s %s\n", name, text)
}

// part writes a text under its name, in lines of a length that can be read.
func (t *textWriter) part(b *bytes.Buffer, name, text string) {
	width := min(t.room(), maxTextWidth)
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := ""
		for word := range strings.FieldsSeq(paragraph) {
			if line != "" && len(line)+1+len(word) > width {
				t.line(b, name, line)
				name, line = "", ""
			}
			if line != "" {
				line += " "
			}
			line += word
		}
		if line != "" {
			t.line(b, name, line)
			name = ""
		}
	}
}

// verdict is a verdict as colour, symbol and word. What nobody need look into is shown as information.
func (t *textWriter) verdict(v rules.Verdict, benign bool) string {
	m := markOf(v)
	switch {
	case v == rules.Warn && benign:
		m.Symbol, m.Plain, m.Word, m.Color = "i", "i", "info", "36"
	case v == rules.Unclear:
		m.Word = "?"
	}
	if t.ASCII {
		m.Symbol = m.Plain
	}
	text := fmt.Sprintf("%s %-4s", m.Symbol, m.Word)
	if t.Color {
		return "\x1b[" + m.Color + "m" + text + "\x1b[0m"
	}
	return text
}

// flush writes what has gathered. In ASCII, signs that have a name are named.
func (t *textWriter) flush(b *bytes.Buffer) error {
	text := b.Bytes()
	if t.ASCII {
		text = bytes.ReplaceAll(text, []byte("§"), []byte("section "))
		text = bytes.Map(func(r rune) rune {
			if r > '~' {
				return '?'
			}
			return r
		}, text)
	}
	_, err := t.w.Write(text)
	return err
}
