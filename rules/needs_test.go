package rules

import (
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestNeedsAreNeeded checks that no rule applies to an exchange that lacks a fact which the rule
// names as needed.
func TestNeedsAreNeeded(t *testing.T) {
	skipped := 0
	for _, r := range corpus(t) {
		for _, x := range r.transcript.Exchanges(wire.Common{}) {
			skipped += checkNeeds(t, x)
		}
	}
	if skipped < 50_000 {
		t.Errorf("only %d rules were not asked", skipped)
	}
}

// checkNeeds asks the rules that an exchange need not be asked, and returns how many those are.
func checkNeeds(t *testing.T, x *wire.Exchange) (skipped int) {
	c := Case{X: x, Options: new(Options)}
	c.read()
	for _, r := range book {
		if r.needs&^c.has == 0 || !r.Versions.includes(x.Request.HTTP2()) {
			continue
		}
		skipped++
		if c.rule = r; r.When(&c) {
			t.Errorf("%s applies without what it needs to %q", r.ID, x.Request.Raw)
		}
	}
	return skipped
}
