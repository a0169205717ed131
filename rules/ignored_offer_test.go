package rules

import (
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestAnswersThatAreRightAreNoWarnings checks probes that have more than one right answer.
func TestAnswersThatAreRightAreNoWarnings(t *testing.T) {
	for _, each := range []struct {
		probe, answer string
		want          Verdict
	}{
		{"UPGRADE-H2C-NO-SETTINGS", "200 OK", Pass}, // ignored
		{"UPGRADE-UNKNOWN", "200 OK", Pass},
		{"UPGRADE-UNKNOWN", "302 Found", Pass},
		{"UPGRADE-UNKNOWN", "500 Oops", Warn},
		{"UPGRADE-H2C-BODY", "200 OK", Pass},
		{"UPGRADE-TLS-1.0", "200 OK", Pass},
		{"UPGRADE-MISSING-UPGRADE", "200 OK", Pass}, // nothing is offered
		{"UPGRADE-HTTP10", "200 OK", Pass},          // a server must ignore Upgrade here
		{"UPGRADE-HTTP10-KA", "200 OK", Pass},
		{"UPGRADE-OBSFOLD-UPGRADE", "200 OK", Warn}, // a repaired header may be ignored
		{"UPGRADE-SPACE-COLON-UPGRADE", "200 OK", Fail},
		{"UPGRADE-WS-KEY-MISSING", "200 OK", Warn}, // RFC 6455 requires an error status
		{"UPGRADE-WS-KEY-MISSING", "500 Oops", Warn},
		{"UPGRADE-WS-KEY-MISSING", "501 Not Implemented", Pass},
		{"UPGRADE-HTTP10", "505 HTTP Version Not Supported", Pass},
		{"UPGRADE-BODY-TE-UNKNOWN", "501 Not Implemented", Pass},
	} {
		p := FindProbe(each.probe)
		if p == nil {
			t.Fatalf("there is no probe %s", each.probe)
		}
		f := answeredBy(p, each.answer).Find(p.Rule().ID)
		if f == nil || f.Verdict != each.want {
			t.Errorf("%s got %s: %+v, want %v", each.probe, each.answer, f, each.want)
		}
	}
}

// answeredBy judges a probe that got a status, between accepted controls.
func answeredBy(p *Probe, status string) *Ruling {
	h := p.On(NewHandshake("http", "staging.test", "/chat", "AQIDBAUGBwgJCgsMDQ4PEA=="))
	return Classify(Case{X: &wire.Exchange{
		Origin: wire.OriginProbe, Probe: p.ID, Controls: wire.ControlsAccepted, Outcome: wire.Refused, Complete: true, Final: true, BodyDone: true,
		Request: wire.ReadRequest([]byte(h.Head())), Response: wire.ReadResponse([]byte("HTTP/1.1 " + status + "\r\n\r\n")),
	}})
}

// TestWhatMayBeIgnoredIsIgnoredByAllRules checks that if a probe passes because the server ignored
// the offer, no other rule warns about that.
func TestWhatMayBeIgnoredIsIgnoredByAllRules(t *testing.T) {
	ignored := 0
	for _, p := range Probes() {
		r := answeredBy(p, "200 OK")
		f := r.Find(p.Rule().ID)
		if f == nil || f.Verdict != Pass || p.ID == "UPGRADE-SEQ-REFUSED-PIPELINE" || p.ID == "UPGRADE-BODY-WITHHELD" || p.ID == "UPGRADE-H2-CONNECT-PLAIN" {
			continue // the rules of these probes are not about whether the server may ignore the offer
		}
		if ignored++; r.Verdict != Pass {
			for i := range r.Findings {
				if other := &r.Findings[i]; other.Verdict < Pass {
					t.Errorf("%s: %s: %s, %s", p.ID, other.Rule.ID, other.Verdict, other.Detail)
				}
			}
		}
	}
	if ignored < 50 {
		t.Errorf("%d probes may be ignored, want at least 50", ignored)
	}
}
