package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

// text writes the differences for people, and a last line for scripts. Unchanged findings are only
// counted.
func (d *diffing) text(w io.Writer, color bool) error {
	c := &terminal.Console{Color: color, ASCII: d.ascii || !terminal.UTF8Locale()}
	counts := accept.Summary(d.all)
	var b bytes.Buffer
	last := accept.Unchanged
	for i := range d.all {
		e := &d.all[i]
		if e.Kind == accept.Unchanged {
			continue
		}
		if e.Kind != last {
			last = e.Kind
			fmt.Fprintf(&b, " %s (%s)\n", strings.ReplaceAll(string(e.Kind), "-", " "), printed.Count(counts[e.Kind], "finding"))
		}
		diffLine(&b, c, e)
	}
	b.WriteString(" DIFF")
	for _, kind := range accept.Kinds() {
		fmt.Fprintf(&b, " %s=%d", kind, counts[kind])
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}

// diffLine describes a difference.
func diffLine(b *bytes.Buffer, c *terminal.Console, e *accept.Difference) {
	is, verdict := e.Is(), e.Is()
	if e.Kind == accept.Fixed {
		verdict = e.B
	}
	where := printed.Line(is.Key.Endpoint)
	if is.Key.Route != "" && is.Key.Route != "default" {
		where = printed.Line(is.Key.Route) + " " + where
	}
	if is.Key.Probe != "" {
		where += " by " + printed.Line(is.Key.Probe)
	}
	fmt.Fprintf(b, "   %s %-8s %s   %s%s\n", c.Verdict(verdict.Verdict, verdict.Severity), is.Severity, printed.Line(is.Key.Rule), where, became(e))
	if e.Kind == accept.New || e.Kind == accept.Changed {
		fmt.Fprintf(b, "       %s\n", printed.ASCII(is.Detail))
	}
}

// became returns the details of a difference beside its kind.
func became(e *accept.Difference) string {
	switch e.Kind {
	case accept.Changed:
		return fmt.Sprintf("   was %s, %s", e.A.Verdict, e.A.Severity)
	case accept.Flapping:
		return "   " + times("A", e.A) + "; " + times("B", e.B)
	}
	return ""
}

// times returns the verdicts of a finding in a run, with their counts.
func times(run string, f *accept.Found) string {
	if f == nil {
		return run + ": not seen"
	}
	var parts []string
	for v, n := range f.By {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, rules.Verdict(v)))
		}
	}
	return run + ": " + strings.Join(parts, ", ")
}

// diffJSON is a comparison, version 1.
type diffJSON struct {
	Schema   int                 `json:"schema"`
	A        string              `json:"a"`
	B        string              `json:"b"`
	Summary  map[accept.Kind]int `json:"summary"`
	Findings []accept.Difference `json:"findings"` // but for the unchanged ones
}

// json writes the differences for programs.
func (d *diffing) json(w io.Writer, _ bool) error {
	document := diffJSON{Schema: 1, A: d.names[0], B: d.names[1], Summary: accept.Summary(d.all), Findings: []accept.Difference{}}
	for _, e := range d.all {
		if e.Kind != accept.Unchanged {
			document.Findings = append(document.Findings, e)
		}
	}
	return report.Document(w, document)
}
