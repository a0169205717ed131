package baseline

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

// A Comparison is how the findings of run B differ from those of run A.
type Comparison struct {
	A, B string // names of the runs
	All  []accept.Difference
}

// Text writes the differences for people, and a last line for scripts. Unchanged findings are only
// counted.
func (d *Comparison) Text(w io.Writer, c *terminal.Console) error {
	counts := accept.Summary(d.All)
	var b bytes.Buffer
	last := accept.Unchanged
	for i := range d.All {
		e := &d.All[i]
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

// JSON writes the differences for programs.
func (d *Comparison) JSON(w io.Writer) error {
	document := diffJSON{Schema: 1, A: d.A, B: d.B, Summary: accept.Summary(d.All), Findings: []accept.Difference{}}
	for _, e := range d.All {
		if e.Kind != accept.Unchanged {
			document.Findings = append(document.Findings, e)
		}
	}
	return report.Document(w, document)
}
