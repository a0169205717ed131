package rules

import (
	"strings"
	"testing"
)

// TestSoundTrafficRaisesNothing holds that what real clients and servers did, captured on the wire,
// gives nothing above info: a false alarm is the worst that can be found.
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
