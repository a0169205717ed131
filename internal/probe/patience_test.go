package probe

import (
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestSilenceIsNotWaitedForAgain checks that if valid handshakes get no answer, probes and all
// controls but the first time out early. Everything else has its full time.
func TestSilenceIsNotWaitedForAgain(t *testing.T) {
	const head = 2 * time.Second
	plainProbe := flaw("X")
	withheld := &rules.Probe{Edit: rules.Edits(rules.Content("12345678", rules.Set("Content-Length", "8")), rules.Withheld(rules.HoldForever))}
	silent, refused := &wire.Exchange{Outcome: wire.Silent}, &wire.Exchange{Outcome: wire.Refused}
	for name, c := range map[string]struct {
		ws, plain           *wire.Exchange
		took                time.Duration // time of the response to a request without an offer
		far, speaks         bool
		again, h2c          time.Duration // timeouts of the control that was sent first, and of one not sent yet
		probe, probeWithout time.Duration // timeouts of a complete probe, and of an incomplete one
	}{
		"accepted":             {refused, refused, 0, false, true, head, head, head, 500 * time.Millisecond},
		"refused":              {refused, refused, 0, false, false, head, head, head, 500 * time.Millisecond},
		"silence, near":        {silent, refused, 0, false, false, 250 * time.Millisecond, 250 * time.Millisecond, 250 * time.Millisecond, 250 * time.Millisecond},
		"silence, far":         {silent, refused, 0, true, false, 500 * time.Millisecond, 500 * time.Millisecond, 500 * time.Millisecond, 500 * time.Millisecond},
		"silence, and slow":    {silent, refused, 100 * time.Millisecond, true, false, time.Second, time.Second, time.Second, time.Second},
		"silence, and no hope": {silent, silent, head, false, false, 250 * time.Millisecond, 250 * time.Millisecond, 250 * time.Millisecond, 250 * time.Millisecond},
	} {
		at := &caller{target: Target{Base: rules.NewHandshake("http", "a", "/", "k")}, settings: Settings{Head: head}, loopback: !c.far}
		r := &run{caller: at}
		ws, plain := r.family("websocket", "CTRL-WS"), r.family("http", "CTRL-PLAIN")
		if first := r.controlPatience(ws); first != head {
			t.Errorf("%s: the first control has %v", name, first)
		}
		ws.control.Exchange, ws.responds = c.ws, c.ws == refused
		if second := r.controlPatience(plain); second != head {
			t.Errorf("%s: what offers nothing has %v", name, second)
		}
		plain.control.Exchange, plain.responds, plain.took = c.plain, c.plain == refused, c.took
		var speaker *family
		if c.speaks {
			speaker = ws
		}
		got := [4]time.Duration{r.controlPatience(ws), r.controlPatience(r.family("h2c", "CTRL-H2C")), r.patience(plainProbe, speaker), r.patience(withheld, speaker)}
		if want := [4]time.Duration{c.again, c.h2c, c.probe, c.probeWithout}; got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
