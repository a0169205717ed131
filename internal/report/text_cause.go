package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
)

// failure explains the causes of one rule.
func (t *textWriter) failure(b *bytes.Buffer, all []*cause) {
	is := all[0].first()
	t.problem(b, is)
	for _, c := range all[:min(len(all), maxCauses)] {
		t.at(b, c, is)
		for line := range strings.Lines(sidesText(c.first().sides())) {
			t.line(b, "", printed.Cut(strings.TrimSuffix(line, "\n"), mostWidth))
		}
		t.again(b, c.first())
	}
	if n := len(all) - maxCauses; n > 0 {
		t.line(b, "at", printed.Count(n, "endpoint")+" more")
	}
	t.part(b, "rule", is.rule.Title+" ("+cited(is.finding.Refs)+")")
	t.part(b, "why", is.rule.Why)
	t.part(b, "fix", is.rule.Fix)
	t.part(b, "more", more(is.rule))
}

// mild lists causes that make nothing fail.
func (t *textWriter) mild(b *bytes.Buffer, name string, all []*cause) {
	if len(all) == 0 {
		return
	}
	t.title(b, name+" ("+printed.Count(len(all), "cause")+")")
	groups := byRule(all)
	for _, group := range groups[:min(len(groups), maxCauses)] {
		is := group[0].first()
		t.problem(b, is)
		for _, c := range group[:min(len(group), maxPlaces)] {
			t.at(b, c, is)
		}
		if n := len(group) - maxPlaces; n > 0 {
			t.line(b, "at", printed.Count(n, "endpoint")+" more")
		}
		if is.finding.Verdict == rules.Warn && is.finding.Severity > rules.Info {
			t.part(b, "fix", is.rule.Fix)
		}
		t.part(b, "more", more(is.rule))
	}
	if n := len(groups) - maxCauses; n > 0 {
		fmt.Fprintf(b, "   ... and %s more\n", printed.Count(n, "rule"))
	}
}

// problem writes the first line of a cause: what is wrong.
func (t *textWriter) problem(b *bytes.Buffer, is *merged) {
	f := &is.finding
	text := printed.ASCII(f.Detail)
	if text == "" {
		text = f.Label()
	}
	m := printed.MarkOf(f.Verdict)
	if f.Verdict == rules.Warn && f.Severity == rules.Info {
		m = printed.Info()
	}
	if t.ASCII {
		m.Symbol = m.Plain
	}
	color := m.Color
	if f.Verdict == rules.Fail {
		color = colorOf(f.Severity)
	}
	t.entry(b, "   "+t.paint(color, m.Symbol+" "+m.Word)+" "+is.rule.ID+"   ", 9+len(m.Word)+len(is.rule.ID), f.Severity.String()+": "+text)
}

// at writes where a cause was seen, how often and by which sources, and the text where it differs
// from the first line.
func (t *textWriter) at(b *bytes.Buffer, c *cause, head *merged) {
	is := c.first()
	f := &is.finding
	facts := []string{f.Severity.String(), fault(f), c.times()}
	if states := c.states(); states != "" {
		facts = append(facts, states)
	}
	t.part(b, "at", printed.Cut(is.place(), 60)+": "+strings.Join(facts, ", "))
	if is != head && f.Detail != head.finding.Detail {
		t.part(b, "", printed.ASCII(f.Detail))
	}
	if len(f.Related) > 0 {
		t.part(b, "also", printed.ASCII(strings.Join(f.Related, ", ")))
	}
	if probes := c.probes(); probes != "" {
		t.part(b, "probes", probes)
	}
	if why := t.whys.cause(is); why != "" {
		t.part(b, "cause", why)
	}
}

// again writes the commands that send the request of a finding again, and their placeholders.
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

// list lists findings that make nothing fail.
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
