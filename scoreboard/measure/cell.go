package measure

import (
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/scoreboard/results"
	"github.com/interlock-proxy/interlock/scoreboard/scope"
)

// cellOf is the cell of a ruling, without findings that are not published.
func cellOf(r *rules.Ruling) *results.Cell {
	public := *r
	public.Verdict, public.Findings = rules.NotApplicable, nil
	for _, f := range r.Findings {
		if scope.RuleReason(f.Rule) == "" {
			public.Findings = append(public.Findings, f)
			public.Verdict = min(public.Verdict, f.Verdict)
		}
	}
	if public.Verdict == rules.Pass {
		public.Verdict = public.Own() // a probe passes only by its own rule, and only if a control was accepted
	}
	p := rules.FindProbe(r.X.Probe)
	c := &results.Cell{Probe: p.ID, Rule: p.Rule().ID, Verdict: public.Verdict.String(), Outcome: string(r.X.Outcome)}
	if r.X.Response != nil {
		c.Status = r.X.Response.Status
	}
	if f := public.Worst(); f != nil {
		c.Rule, c.Severity = f.Rule.ID, f.Severity.String()
		if public.Verdict < rules.Pass {
			c.Detail = f.Detail
		}
	}
	if public.Verdict < rules.Pass {
		c.Request = slices.Clone(r.X.Request.Raw)
		if r.X.Response != nil {
			c.Response = slices.Clone(r.X.Response.Raw)
		}
	}
	return c
}

// Same reports whether two cells have the same result. What differs each time, such as keys and
// dates in the heads, does not count.
func Same(a, b *results.Cell) bool {
	return a.Rule == b.Rule && a.Verdict == b.Verdict && a.Severity == b.Severity && a.Outcome == b.Outcome && a.Status == b.Status
}

// brief is a cell in a few words.
func brief(c *results.Cell) string {
	return fmt.Sprintf("%s %s %s %d", c.Verdict, strings.TrimPrefix(c.Rule, "UPGRADE-"), c.Outcome, c.Status)
}

// summary counts the cells of a server by verdict.
func summary(s *results.Server) string {
	counts := map[string]int{}
	for i := range s.Cells {
		counts[s.Cells[i].Verdict]++
	}
	var words []string
	for v := rules.Fail; v <= rules.NotApplicable; v++ {
		words = append(words, fmt.Sprintf("%d %s", counts[v.String()], v))
	}
	return strings.Join(words, ", ")
}

// firstOf is the first line of an error.
func firstOf(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
