package run

import (
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestOnlyAcceptedHandshakesAreKinds checks which failures the first line counts as kinds of malformed
// handshakes: not those that are about the connection or the response, whatever was sent.
func TestOnlyAcceptedHandshakesAreKinds(t *testing.T) {
	h := &headline{}
	for _, each := range []struct {
		probe string
		rules []string
	}{
		{"UPGRADE-H2-END-STREAM", []string{"UPGRADE-H2-END-STREAM", "UPGRADE-H2-SETTING-VALUE"}},
		{"UPGRADE-H2-PROTO-H2C", []string{"UPGRADE-H2-PROTOCOL-H2C", "UPGRADE-H2-ANSWER-FIELD"}},
		{"UPGRADE-H2-FIELD-BOTH", []string{"UPGRADE-H2-UPGRADE-FIELD", "UPGRADE-H2-CONNECTION-FIELD"}},
		{"UPGRADE-H2-SCHEME-WSS", []string{"UPGRADE-H2-SETTING-VALUE"}},
	} {
		r := &rules.Ruling{X: &wire.Exchange{Probe: each.probe, Outcome: wire.Switched}}
		for _, id := range each.rules {
			r.Findings = append(r.Findings, rules.Finding{Rule: rules.Find(id), Verdict: rules.Fail})
		}
		h.enter(&rules.Gate{}, r)
	}
	accepted := map[string]bool{}
	for _, is := range h.problems() {
		accepted[is.rule.ID] = is.accepted
	}
	for id, want := range map[string]bool{
		"UPGRADE-H2-END-STREAM": true, "UPGRADE-H2-PROTOCOL-H2C": true, "UPGRADE-H2-UPGRADE-FIELD": true, "UPGRADE-H2-CONNECTION-FIELD": true,
		"UPGRADE-H2-SETTING-VALUE": false, "UPGRADE-H2-ANSWER-FIELD": false,
	} {
		if got, found := accepted[id]; !found || got != want {
			t.Errorf("%s: found %t, accepted %t", id, found, got)
		}
	}
	if h.failed != 4 || h.accepted != 3 {
		t.Errorf("%d failed and %d accepted, want 4 and 3", h.failed, h.accepted)
	}
}
