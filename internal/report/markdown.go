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
	Name: "markdown", Title: "Markdown, for a comment or a job summary",
	Open: func(w io.Writer, o Options) Writer { return &markdownWriter{w: w, Options: o} },
})

// markdownWriter writes failures by cause, and other findings in brief. Wire bytes appear only in
// code, as printable ASCII.
type markdownWriter struct {
	w io.Writer
	Options
	merge merge
	about about
	whys  whys
}

// maxCommented is how many causes of each verdict a comment lists.
const maxCommented = 50

// Write is part of Writer.
func (m *markdownWriter) Write(r *rules.Ruling) error {
	m.merge.add(r)
	m.about.add(r)
	m.whys.add(r)
	return nil
}

// Close is part of Writer.
func (m *markdownWriter) Close(s *Summary) error {
	var b bytes.Buffer
	p := part(m.merge.sorted())
	is := printed.MarkOf(overall(s))
	fmt.Fprintf(&b, "# Interlock: %s %s\n\n%s\n\n", is.Symbol, is.Word, code(answer(s, p.failures)))
	m.counts(&b, s)
	m.failures(&b, p.failures, s)
	m.why(&b)
	m.table(&b, "Warnings", p.warnings)
	m.table(&b, "Unclear", p.unclear)
	m.list(&b, "Accepted", p.accepted)
	m.list(&b, "Fixed", p.fixed)
	if n := m.merge.more; n > 0 {
		fmt.Fprintf(&b, "… and %s more\n\n", printed.Count(n, "finding"))
	}
	if len(s.Notes) > 0 {
		b.WriteString("## Not audited\n\n")
		for _, note := range s.Notes {
			fmt.Fprintf(&b, "- %s\n", code(wire.Escape([]byte(note))))
		}
		b.WriteByte('\n')
	}
	if len(s.Remarks) > 0 {
		b.WriteString("## Accepted and expected\n\n")
		for _, remark := range s.Remarks {
			fmt.Fprintf(&b, "- %s\n", code(wire.Escape([]byte(remark))))
		}
		b.WriteByte('\n')
	}
	b.WriteString("## About this report\n\n")
	for _, f := range m.about.facts(&m.Options, s) {
		fmt.Fprintf(&b, "- %s: %s\n", f.Name, code(f.Value))
	}
	fmt.Fprintf(&b, "\n%s\n", code(s.Result()))
	_, err := m.w.Write(b.Bytes())
	return err
}

func (m *markdownWriter) counts(b *bytes.Buffer, s *Summary) {
	var names, lines, numbers []string
	for _, c := range counts(s) {
		names, lines, numbers = append(names, c.Name), append(lines, "---:"), append(numbers, printed.Thousands(c.Count))
	}
	for _, row := range [][]string{names, lines, numbers} {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
	b.WriteByte('\n')
}

func (m *markdownWriter) failures(b *bytes.Buffer, all []*cause, s *Summary) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "## Failures\n\n%s\n\n", escapeMarkdown(headline(all, s.Verdicts[rules.Fail])))
	for _, group := range byRule(all[:min(len(all), maxCommented)]) {
		r := group[0].first().rule
		fmt.Fprintf(b, "### ✖ %s: %s\n\n", r.ID, escapeMarkdown(group[0].first().finding.Label()))
		for _, c := range group {
			m.cause(b, c)
		}
		fmt.Fprintf(b, "**Why** %s\n\n**Fix** %s\n\n**More** %s\n\n", escapeMarkdown(r.Why), escapeMarkdown(r.Fix), code(more(r)))
	}
	m.left(b, len(all))
}

func (m *markdownWriter) cause(b *bytes.Buffer, c *cause) {
	is := c.first()
	f := &is.finding
	fmt.Fprintf(b, "- %s  \n  At %s: %s, %s, %s", code(printed.ASCII(f.Detail)), code(printed.Cut(is.place(), 200)), f.Severity, escapeMarkdown(fault(f)), printed.Count(c.count, "exchange"))
	if states := c.states(); states != "" {
		fmt.Fprintf(b, ", **%s**", escapeMarkdown(states))
	}
	fmt.Fprintf(b, ". %s\n", cited(f.Refs))
	if probes := c.probes(); probes != "" {
		fmt.Fprintf(b, "  \n  Probes: %s\n", code(probes))
	}
	if sides := is.sides(); sides != nil {
		fmt.Fprintf(b, "\n%s\n", indent(fence(sidesText(sides), ""), "  "))
	}
	fmt.Fprintf(b, "\n%s\n\n", indent(fence(is.again(), "sh"), "  "))
}

// table lists causes in brief.
func (m *markdownWriter) table(b *bytes.Buffer, name string, all []*cause) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "## %s\n\n| rule | at | severity | exchanges | problem |\n| --- | --- | --- | ---: | --- |\n", name)
	for _, c := range all[:min(len(all), maxCommented)] {
		is := c.first()
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", is.rule.ID, code(printed.Cut(is.place(), 200)), is.Severity, printed.Thousands(c.count), code(printed.ASCII(is.Detail)))
	}
	b.WriteByte('\n')
	m.left(b, len(all))
}

func (m *markdownWriter) list(b *bytes.Buffer, name string, all []*merged) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "## %s\n\n", name)
	for _, is := range all[:min(len(all), maxCommented)] {
		fmt.Fprintf(b, "- %s (%s, %s)\n", code(printed.Cut(is.name(), 200)), is.Verdict, is.exchanges())
	}
	b.WriteByte('\n')
	m.left(b, len(all))
}

// left says how many are not listed.
func (m *markdownWriter) left(b *bytes.Buffer, n int) {
	if n > maxCommented {
		fmt.Fprintf(b, "… and %s more\n\n", printed.Thousands(int64(n-maxCommented)))
	}
}

func indent(text, by string) string { return by + strings.ReplaceAll(text, "\n", "\n"+by) }
