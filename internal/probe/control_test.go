package probe

import (
	"context"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestA101ThatNoClientTakesIsNoAcceptedControl checks that rejections have no meaning if the valid
// handshake gets a 101 to another protocol, or one without a correct Sec-WebSocket-Accept.
func TestA101ThatNoClientTakesIsNoAcceptedControl(t *testing.T) {
	const head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
	for answer, flaw := range map[string]string{
		head + "Upgrade: TLS/1.2\r\n\r\n":   `to "TLS/1.2"`,
		head + "\r\n":                       "without an Upgrade header",
		head + "Upgrade: websocket\r\n\r\n": "without a Sec-WebSocket-Accept header",
		head + "Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n": "with a wrong Sec-WebSocket-Accept header",
	} {
		b := serve(t, func(c *guest) {
			if c.sound() {
				c.send(answer)
			} else {
				c.send(refusal)
			}
		})
		l, report, err := probed(context.Background(), t, b.target(), Settings{}, flaws("X"))
		if err != nil {
			t.Fatal(err)
		}
		if ws := report.Controls[0]; ws.Accepted || ws.Single || ws.Flaw != flaw || l.by["X"].Controls != wire.ControlsRefused {
			t.Errorf("%q: got %+v, controls %d, want the flaw %q", answer, ws, l.by["X"].Controls, flaw)
		}
	}
}

// TestAControlThatIsNotAcceptedAnyMoreIsLost checks that controls between probes are judged as
// strictly as the first one.
func TestAControlThatIsNotAcceptedAnyMoreIsLost(t *testing.T) {
	b := serve(t, func(c *guest) {
		if c.n > 3 && c.sound() { // after two controls and CTRL-PLAIN
			c.send(strings.Replace(switching(c.head), "websocket", "TLS/1.2", 1))
			return
		}
		refuses(c)
	})
	l, report, err := probed(context.Background(), t, b.target(), Settings{Concurrency: 1}, flaws("X"))
	if err != nil {
		t.Fatal(err)
	}
	if ws := report.Controls[0]; !ws.Accepted || ws.Flaw != `to "TLS/1.2"` || !report.Degraded || l.by["X"].Controls != wire.ControlsRefused {
		t.Errorf("got %+v, degraded %t, controls %d", ws, report.Degraded, l.by["X"].Controls)
	}
}
