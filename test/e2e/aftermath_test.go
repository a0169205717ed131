//go:build e2e

package e2e

import (
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// TestTunnelsThatEndWhenTheirAftermathIsDue closes tunnels about a second after their 101, which is
// when the proxy runs its delayed checks. Nothing that belongs to a closed connection, not even its
// timer, may keep the program from ending.
func TestTunnelsThatEndWhenTheirAftermathIsDue(t *testing.T) {
	t.Parallel()
	const rounds, number = 3, 1000
	o := startOrigin(t)
	p := serve(t, o.addr(), "--config", file(t, "interlock.yaml", []byte("limits:\n  drain: 1s\n")))
	for range rounds {
		var closing sync.WaitGroup
		together(t, number, func(i int) error {
			conn, err := openTunnel(p.listen)
			if err != nil {
				return err
			}
			late := time.Duration(i%40-20) * 100 * time.Microsecond // some tunnels hit the moment exactly, whatever the delays are
			closing.Add(1)
			time.AfterFunc(wire.AftermathFor+late, func() {
				defer closing.Done()
				conn.Close()
			})
			return nil
		})
		closing.Wait()
		p.nothingLeft()
	}
	if stopped := p.stop(); stopped.Upgrades != rounds*number {
		t.Errorf("got %s, want %d upgrades", stopped.text, rounds*number)
	}
}
