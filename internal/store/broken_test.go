package store

import (
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

// TestGroupsAreToldByTheirWorstFinding checks that the verdict, severity, party and text of a group
// come from one finding, and are not the maximum of each.
func TestGroupsAreToldByTheirWorstFinding(t *testing.T) {
	finding := func(probe string, v rules.Verdict, s rules.Severity, p rules.Party, detail string) Finding {
		k := rules.Key{Rule: "UPGRADE-POST", Probe: probe, Route: "default", Endpoint: "/chat"}
		return Finding{Row: rules.Row{Key: k, Tally: rules.Tally{Verdict: v, Severity: s, Party: p, Detail: detail, Count: 1}}}
	}
	groups := ByRule([]Finding{
		finding("UPGRADE-POST", rules.Fail, rules.Medium, rules.Server, "a, the worst"),
		finding("", rules.Warn, rules.Critical, rules.Intermediary, "z, a warning"),
	})
	want := rules.Tally{Verdict: rules.Fail, Severity: rules.Medium, Party: rules.Server, Detail: "a, the worst", Count: 2}
	if len(groups) != 1 || len(groups[0].Places) != 1 || groups[0].Tally != want || groups[0].Places[0].Tally != want {
		t.Errorf("got %+v", groups)
	}
}
