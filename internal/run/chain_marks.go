package run

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/rules"
)

// judged returns the ruling of a result with what the trial has marked as its findings. The caller
// owns it.
func judged(r *chain.Result) *rules.Ruling {
	ruling := *r.Ruling
	ruling.Verdict, ruling.Unsafe, ruling.Findings = r.Verdict, false, nil
	if r.Verdict == rules.NotApplicable {
		return &ruling
	}
	for _, f := range r.Ruling.Findings {
		if f.Verdict >= rules.Pass && !slices.ContainsFunc(r.Marks, func(m chain.Mark) bool { return m.Rule == f.Rule.ID }) {
			ruling.Findings = append(ruling.Findings, f)
		}
	}
	for _, m := range r.Marks {
		if ruling.Find(m.Rule) != nil {
			continue
		}
		rule := rules.Find(m.Rule)
		if rule == nil {
			rule = &rules.Rule{ID: m.Rule, Level: rules.Must, Party: rules.Intermediary, Title: m.Text, Label: m.Text}
		}
		f := rules.Finding{Rule: rule, Party: rules.Intermediary, Refs: rule.Refs}
		if is := r.Ruling.Find(m.Rule); is != nil {
			f.Refs, f.Spans = is.Refs, is.Spans
		}
		f.Verdict, f.Severity, f.Detail = m.Verdict, m.Severity, m.Text
		ruling.Findings = append(ruling.Findings, f)
	}
	slices.SortStableFunc(ruling.Findings, func(a, b rules.Finding) int { return strings.Compare(a.Rule.ID, b.Rule.ID) })
	return &ruling
}
