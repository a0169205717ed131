package server

import (
	"testing"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestReloadMovesTheFarSide checks that the far side is read from the store only while no route of the
// configuration has it, and that an exchange is judged by where it came from.
func TestReloadMovesTheFarSide(t *testing.T) {
	kept, err := store.Open(t.Context(), "memory", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	apart := config.Defaults()
	apart.Instance = config.HopEdge
	both := apart
	both.Routes = []config.RouteConfig{{Name: "behind", Hop: config.HopInner}}
	a := NewAudit(apart, nil)
	var last *rules.Ruling
	a.Each = func(r *rules.Ruling) { last = r }
	h := NewHops(&apart, a, kept, zerolog.Nop())
	a.Hops.Live.Settle = 0
	seen := func(id, route string) *wire.Exchange {
		return &wire.Exchange{
			ID: id, Route: route, Origin: wire.OriginLive, Final: true, Complete: true, Outcome: wire.Closed,
			Request: wire.ReadRequest([]byte("GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + id[1:] + "\r\n\r\n")),
		}
	}
	for i, c := range []*config.Config{&apart, &both, &apart} {
		stored, id := c == &apart, string(rune('0'+i))
		if h.configure(c); h.reads.Load() != stored {
			t.Errorf("configuration %d: the store is read: %t", i, !stored)
		}
		a.Observe(seen("N"+id, "default"))
		if stored {
			a.Hops.Stored(rules.Classify(rules.Case{X: seen("F"+id, "default")}))
		} else {
			a.Observe(seen("F"+id, "behind"))
		}
		if a.Compare(true); last.X.Hop == nil || last.X.Hop.Far.ID != "F"+id || last.X.Hop.Blanked != stored {
			t.Errorf("configuration %d: judged with %+v", i, last.X.Hop)
		}
	}
}
