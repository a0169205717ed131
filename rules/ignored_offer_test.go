package rules

import (
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestAnswersThatAreRightAreNoWarnings looks at probes that have more than one right answer.
func TestAnswersThatAreRightAreNoWarnings(t *testing.T) {
	for _, each := range []struct {
		probe, answer string
		want          Verdict
	}{
		{"UPGRADE-H2C-NO-SETTINGS", "200 OK", Pass}, // ignored
		{"UPGRADE-UNKNOWN", "200 OK", Pass},
		{"UPGRADE-UNKNOWN", "302 Found", Pass},
		{"UPGRADE-UNKNOWN", "500 Oops", Warn},
		{"UPGRADE-WS-KEY-MISSING", "200 OK", Warn}, // RFC 6455 wants an error status
		{"UPGRADE-WS-KEY-MISSING", "500 Oops", Warn},
		{"UPGRADE-WS-KEY-MISSING", "501 Not Implemented", Pass},
		{"UPGRADE-HTTP10", "505 HTTP Version Not Supported", Pass},
		{"UPGRADE-BODY-TE-UNKNOWN", "501 Not Implemented", Pass},
	} {
		p := FindProbe(each.probe)
		if p == nil {
			t.Fatalf("there is no probe %s", each.probe)
		}
		h := p.On(NewHandshake("http", "staging.test", "/chat", "AQIDBAUGBwgJCgsMDQ4PEA=="))
		x := &wire.Exchange{
			Origin: wire.OriginProbe, Probe: p.ID, Controls: wire.ControlsAccepted, Outcome: wire.Refused, Complete: true, Final: true, BodyDone: true,
			Request: wire.ReadRequest([]byte(h.Head())), Response: wire.ReadResponse([]byte("HTTP/1.1 " + each.answer + "\r\n\r\n")),
		}
		f := Classify(Case{X: x}).Find(p.Rule().ID)
		if f == nil || f.Verdict != each.want {
			t.Errorf("%s got %s: %+v, want %v", each.probe, each.answer, f, each.want)
		}
	}
}
