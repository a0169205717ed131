package report

import "github.com/interlock-proxy/interlock/rules"

// colorOf is the colour of a failure of that severity: a critical one is bold too.
func colorOf(s rules.Severity) string {
	return [...]string{rules.Info: "36", rules.Low: "33", rules.Medium: "33;1", rules.High: "31", rules.Critical: "31;1"}[s]
}

// overall returns the verdict of a whole run. A run without conclusive exchanges is not a success.
func overall(s *Summary) rules.Verdict {
	switch v := &s.Verdicts; {
	case v[rules.Fail] > 0:
		return rules.Fail
	case s.Conclusive() == 0, s.Cut != "":
		return rules.Unclear
	case v[rules.Warn] > 0:
		return rules.Warn
	}
	return rules.Pass
}
