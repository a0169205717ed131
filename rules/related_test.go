package rules

import (
	"slices"
	"testing"
)

// TestOneDeviationIsOneCriticalFinding answers each probe that a server must reject with a flawless
// 101. However many rules are broken, there is one critical finding: that of the rule that the
// probe tests.
func TestOneDeviationIsOneCriticalFinding(t *testing.T) {
	base := NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ==")
	for _, p := range Probes() {
		if !p.Class.Refuses() {
			continue
		}
		h := p.On(base)
		var critical []string
		r := Classify(Case{X: answered(p, h, flawless101(p, h), "")})
		for i := range r.Findings {
			if f := &r.Findings[i]; isCriticalFailure(f) {
				critical = append(critical, f.Rule.ID)
			}
		}
		if len(critical) > 1 || len(critical) == 1 && critical[0] != p.rule.ID && isCriticalFailure(&Finding{Severity: p.rule.Severity.Switched}) {
			t.Errorf("%s: %q are critical", p.ID, critical)
		}
	}
}

// TestRelatedRulesGate checks that a rule whose finding was merged into another's still makes a run
// fail if the run checks only that rule.
func TestRelatedRulesGate(t *testing.T) {
	p := FindProbe("UPGRADE-CONN-QUOTED")
	h := p.On(NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ=="))
	f := Classify(Case{X: answered(p, h, flawless101(p, h), "")}).Find("UPGRADE-CONN-SYNTAX")
	if f == nil || !slices.Equal(f.Related, []string{"UPGRADE-MISSING-CONN"}) || !(Gate{Profile: ProfileSeed, Least: High}).Holds(f) {
		t.Errorf("got %+v", f)
	}
}
