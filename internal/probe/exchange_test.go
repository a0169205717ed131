package probe

import (
	"fmt"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestUnreportedAnswersHaveTheOutcomeOfWire checks a response that the conversation does not
// report: it gets the outcome that a report would have, whatever its status.
func TestUnreportedAnswersHaveTheOutcomeOfWire(t *testing.T) {
	for status, want := range map[int]wire.Outcome{
		42: wire.Opaque, 99: wire.Opaque, 101: wire.Switched, 200: wire.Ignored, 307: wire.Redirected, 426: wire.Refused,
		599: wire.Refused, 999: wire.Refused,
	} {
		a := &attempt{h: &rules.Handshake{Method: "GET", Path: "/"}}
		a.common.NewID = func(time.Time) string { return "1" }
		a.finals = []*wire.Response{wire.ReadResponse(fmt.Appendf(nil, "HTTP/1.1 %03d X\r\n\r\n", status))}
		if got := a.unreported().Outcome; got != want || a.finals[0].Outcome() != want {
			t.Errorf("%d: got %s, in wire %s, want %s", status, got, a.finals[0].Outcome(), want)
		}
	}
}
