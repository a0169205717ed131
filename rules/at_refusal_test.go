package rules

import (
	"path"
	"testing"
)

// TestSeveritiesAtRefusals checks that a rule with a finding at a rejection has a severity there, and
// that some rules have none.
func TestSeveritiesAtRefusals(t *testing.T) {
	found := map[string]bool{}
	for _, r := range All() {
		_, found[r.ID] = r.AtRefusal()
	}
	for _, r := range corpus(t) {
		for _, ruling := range r.rulings() {
			c := Case{X: ruling.X}
			c.read()
			for _, f := range ruling.Findings {
				if path.Dir(r.name) == f.Rule.ID && f.Verdict <= Warn && !c.leftHTTP && !found[f.Rule.ID] {
					t.Errorf("%s: %s of %s, which should have no findings at rejections", r.name, f.Verdict, f.Rule.ID)
				}
			}
		}
	}
	for id, want := range map[string]bool{
		"UPGRADE-BODY": false, "UPGRADE-UNDERSCORE": false, "UPGRADE-WS-ORIGIN-CROSS": true, "UPGRADE-BARE-LF": true,
		"UPGRADE-HTTP10": false, "UPGRADE-101-CL": false, "UPGRADE-POST": true, "UPGRADE-426-BODY": true, "UPGRADE-HANG": true,
	} {
		if s, ok := Find(id).AtRefusal(); ok != want || s != Find(id).Severity.Refused {
			t.Errorf("%s: got %s, %t", id, s, ok)
		}
	}
}
