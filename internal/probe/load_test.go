package probe

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// TestSilenceToValidHandshakesIsNoLoad checks a server that answers plain requests but no
// handshake: it is not reported as under load, and not probed one probe at a time.
func TestSilenceToValidHandshakesIsNoLoad(t *testing.T) {
	b := serve(t, func(c *guest) {
		if strings.Contains(c.head, "Upgrade: ") {
			io.Copy(io.Discard, c.br)
			return
		}
		c.send(refusal)
	})
	var notes []string
	_, err := Run(context.Background(), b.target(), Settings{Head: 500 * time.Millisecond}, many(40), func(*wire.Exchange) {}, func(p Progress) {
		if p.Note != "" {
			notes = append(notes, p.Note)
		}
	})
	if err != nil || len(notes) > 0 {
		t.Errorf("%v, got %q, want nothing said", err, notes)
	}
}
