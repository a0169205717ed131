package rules

import (
	"path"
	"testing"
)

// TestSeveritiesAtRefusals holds that a rule of which a finding is known where the server refused
// has a severity there, and that some have none.
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
					t.Errorf("%s: %s of %s, whose refusals are said to be no findings", r.name, f.Verdict, f.Rule.ID)
				}
			}
		}
	}
	for id, want := range map[string]bool{
		"UPGRADE-BODY": false, "UPGRADE-UNDERSCORE": false, "UPGRADE-WS-ORIGIN-CROSS": false, "UPGRADE-BARE-LF": true,
		"UPGRADE-HTTP10": false, "UPGRADE-101-CL": false, "UPGRADE-POST": true, "UPGRADE-426-BODY": true, "UPGRADE-HANG": true,
	} {
		if s, ok := Find(id).AtRefusal(); ok != want || s != Find(id).Severity.Refused {
			t.Errorf("%s: got %s, %t", id, s, ok)
		}
	}
}
