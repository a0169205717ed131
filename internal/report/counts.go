package report

import "github.com/interlock-proxy/interlock/rules"

// A count is one number of a summary under the name that the contracts give it.
type count struct {
	Name  string
	Count int64
}

// counts are the numbers of a summary. Those that not every run has come last and only where the
// result has them.
func counts(s *Summary) []count {
	v := &s.Verdicts
	all := []count{
		{"fail", v[rules.Fail]}, {"warn", v[rules.Warn]}, {"unclear", v[rules.Unclear]}, {"pass", v[rules.Pass]},
		{"not-applicable", v[rules.NotApplicable]}, {"unsafe", s.Unsafe},
	}
	if s.compared() {
		all = append(all, count{"not-sent", s.NotSent}, count{"accepted", s.Accepted}, count{"new", s.New},
			count{"fixed", s.Fixed}, count{"not-seen", s.NotSeen})
	}
	return all
}

// compared reports whether there were probes or a baseline, so that there is more to count than
// verdicts.
func (s *Summary) compared() bool {
	return s.Probed || s.NotSent+s.Accepted+s.New+s.Fixed+s.NotSeen > 0
}

// properties are the numbers of a summary in JSON.
func (s *Summary) properties() map[string]any {
	all := map[string]any{"result": s.Result(), "coverage": s.Coverage.String()}
	for _, c := range counts(s) {
		all[c.Name] = c.Count
	}
	return all
}
