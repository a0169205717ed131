package hop_test

import (
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/hop"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestWhoEndedATunnel checks that a hop is said to have ended a tunnel only if both of its neighbours
// saw it close.
func TestWhoEndedATunnel(t *testing.T) {
	for _, test := range []struct {
		near, far wire.Cause
		want      string
	}{
		{wire.CauseServer, wire.CauseClient, "The hop changes nothing. It ends the tunnel after 1m0.2s, idle for 1m0s"},
		{wire.CauseServerReset, wire.CauseClientReset, "The hop changes nothing. It ends the tunnel after 1m0.2s, idle for 1m0s"},
		{wire.CauseClient, wire.CauseClient, "The hop changes nothing"},
		{wire.CauseServer, wire.CauseServer, "The hop changes nothing"},
		{wire.CauseDrain, wire.CauseClient, "The hop changes nothing"},
	} {
		m := hop.Match([]*rules.Ruling{tunnel(t, test.near)}, []*rules.Ruling{tunnel(t, test.far)}, time.Second)
		r := hop.Summarize("edge", "inner", m)
		if r.Answer != test.want || r.Matters {
			t.Errorf("closed by %s and %s: got %q, matters %t, want %q", test.near, test.far, r.Answer, r.Matters, test.want)
		}
		var text strings.Builder
		if err := r.Text(&text); err != nil || strings.Contains(text.String(), "\n tunnel\n    ends the tunnel after 1m0.2s, idle for 1m0s   in 1 of 1") != strings.Contains(test.want, "ends") {
			t.Errorf("closed by %s and %s: got %v, %s", test.near, test.far, err, text.String())
		}
	}
}

// tunnel is an exchange whose tunnel has ended, as one Interlock stored it.
func tunnel(t *testing.T, cause wire.Cause) *rules.Ruling {
	t.Helper()
	return stored(t, &wire.Exchange{
		Origin: wire.OriginLive, Final: true, Complete: true, Time: start, Outcome: wire.Switched, Cause: cause,
		Request: wire.ReadRequest([]byte(handshake)), Response: wire.ReadResponse([]byte(switched)),
		After: wire.After{Ended: true, End: &wire.End{Open: 60200 * time.Millisecond, Idle: time.Minute}},
	})
}
