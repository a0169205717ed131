package report

import "github.com/interlock-proxy/interlock/rules"

// A mark shows a verdict by colour, symbol and word. Each of these is enough to tell it.
type mark struct {
	Name   string // as the contracts write it
	Symbol string
	Plain  string // the symbol in ASCII
	Word   string
	Color  string // of a terminal
}

// markOf is how a verdict is shown.
func markOf(v rules.Verdict) mark {
	m := [...]mark{
		rules.Fail:          {Symbol: "✖", Plain: "x", Word: "fail", Color: "31"},
		rules.Warn:          {Symbol: "!", Plain: "!", Word: "warn", Color: "33"},
		rules.Unclear:       {Symbol: "?", Plain: "?", Word: "unclear", Color: "35"},
		rules.Pass:          {Symbol: "✓", Plain: "+", Word: "pass", Color: "32"},
		rules.NotApplicable: {Symbol: "–", Plain: "-", Word: "n/a", Color: "2"},
	}[v]
	m.Name = v.String()
	return m
}

// noted is how a warning about a mere fact is shown.
func noted() mark { return mark{Name: "warn", Symbol: "i", Plain: "i", Word: "info", Color: "36"} }

// colorOf is the colour of a failure of that severity: a critical one is bold too.
func colorOf(s rules.Severity) string {
	return [...]string{rules.Info: "36", rules.Low: "33", rules.Medium: "33;1", rules.High: "31", rules.Critical: "31;1"}[s]
}

// overall returns the verdict of a whole run. A run without conclusive exchanges is not a success.
func overall(s *Summary) rules.Verdict {
	switch v := &s.Verdicts; {
	case v[rules.Fail] > 0:
		return rules.Fail
	case s.Conclusive() == 0:
		return rules.Unclear
	case v[rules.Warn] > 0:
		return rules.Warn
	}
	return rules.Pass
}
