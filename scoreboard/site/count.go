package site

import (
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/scoreboard/results"
)

// verdicts are the words of the format.
var verdicts = map[string]rules.Verdict{
	"fail": rules.Fail, "warn": rules.Warn, "unclear": rules.Unclear, "pass": rules.Pass, "not-applicable": rules.NotApplicable,
}

// isNote reports whether a cell is a warning that only states a fact. It does not count as a result.
func isNote(c *results.Cell) bool { return c.Verdict == "warn" && c.Severity == "info" }

// markOf returns the mark of a cell.
func markOf(c *results.Cell) printed.Mark {
	if isNote(c) {
		m := printed.Info()
		m.Name, m.Word = "note", "note"
		return m
	}
	return named(printed.MarkOf(verdicts[c.Verdict]))
}

// named gives a mark the name that its class has in the style.
func named(m printed.Mark) printed.Mark {
	if m.Name == "not-applicable" {
		m.Name = "na"
	}
	return m
}

// Counts are how many cells have each verdict.
type counts struct{ Pass, Warn, Fail, Unclear, Note, NotApplicable int }

func (n *counts) add(c *results.Cell) {
	switch {
	case isNote(c):
		n.Note++
	case c.Verdict == "pass":
		n.Pass++
	case c.Verdict == "warn":
		n.Warn++
	case c.Verdict == "fail":
		n.Fail++
	case c.Verdict == "unclear":
		n.Unclear++
	default:
		n.NotApplicable++
	}
}

// Judged is how many cells have a result.
func (n counts) Judged() int { return n.Pass + n.Warn + n.Fail }

// Sent is how many cells there are.
func (n counts) Sent() int { return n.Judged() + n.Unclear + n.Note + n.NotApplicable }

// Notable reports whether there is a cell that a reader may want to look at.
func (n counts) Notable() bool { return n.Fail+n.Warn+n.Unclear > 0 }

// Full reports whether all results are passes.
func (n counts) Full() bool { return n.Judged() > 0 && n.Pass == n.Judged() }

// Mark is that of the worst result.
func (n counts) Mark() printed.Mark {
	v := rules.NotApplicable
	switch {
	case n.Fail > 0:
		v = rules.Fail
	case n.Warn > 0:
		v = rules.Warn
	case n.Pass > 0:
		v = rules.Pass
	case n.Unclear > 0:
		v = rules.Unclear
	}
	return named(printed.MarkOf(v))
}

// Text is all counts in words, for readers who do not see the marks.
func (n counts) Text() string {
	var parts []string
	for _, p := range []struct {
		n           int
		one, others string
	}{
		{n.Pass, "passed", "passed"}, {n.Fail, "failed", "failed"}, {n.Warn, "warning", "warnings"}, {n.Unclear, "unclear", "unclear"},
		{n.Note, "note", "notes"}, {n.NotApplicable, "not applicable", "not applicable"},
	} {
		if p.n == 1 {
			parts = append(parts, "1 "+p.one)
		} else if p.n > 1 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.others))
		}
	}
	if parts == nil {
		return "no probes"
	}
	return strings.Join(parts, ", ")
}

// A part is a piece of a bar.
type part struct {
	Class       string
	From, Width string
}

// Bar divides a bar of a width of 1000 by the results.
func (n counts) Bar() (all []part) {
	from, total := 0, n.Judged()
	for _, p := range []struct {
		class string
		n     int
	}{{"pass", n.Pass}, {"warn", n.Warn}, {"fail", n.Fail}} {
		if p.n > 0 {
			all = append(all, part{p.class, thousandth(from, total), thousandth(p.n, total)})
		}
		from += p.n
	}
	return all
}

func thousandth(n, of int) string { return fmt.Sprintf("%.1f", 1000*float64(n)/float64(of)) }
