package rules

import (
	"strings"
	"testing"
)

// TestSoundTrafficRaisesNothing checks that captured traffic of real clients and servers gives
// nothing above info. A false alarm is the worst fault that Interlock can have.
func TestSoundTrafficRaisesNothing(t *testing.T) {
	seen := 0
	for _, r := range corpus(t) {
		if !strings.HasPrefix(r.name, "SOUND/") {
			continue
		}
		for _, ruling := range r.rulings() {
			seen++
			for _, f := range ruling.Findings {
				if f.Verdict < Pass && f.Severity > Info {
					t.Errorf("%s: %s %s %s: %s", r.name, f.Rule.ID, f.Verdict, f.Severity, f.Detail)
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d exchanges", seen)
	}
}
