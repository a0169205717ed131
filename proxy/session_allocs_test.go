package proxy

import (
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// TestASessionAllocatesLittle bounds what a session allocates for a handshake, from the first byte of
// the client to the end of its tunnel: little more than its exchange and the two reports of that.
func TestASessionAllocatesLittle(t *testing.T) {
	const most = 17
	const answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\n\r\n"
	const asks = "GET /chat HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n"
	limits := Limits{Connections: 1}.withDefaults()
	now := time.Unix(1000, 0)
	terms := &terms{limits: &limits, pool: new(wire.Pool), began: now.Add(-time.Second), isOwn: func(claim) bool { return false }, say: func(*session, notice) {}}
	routes, counts, reports := newRouteTable(To("192.0.2.1:80"), nil, nil), new(wire.Counts), 0
	request, response := []byte(asks), []byte(answer)
	pass := func(s *session, a action) {
		for d, p := range a.write {
			if len(p) > 0 {
				s.wrote(wire.Direction(d), len(p), now)
			}
		}
	}
	handshake := func() {
		s := new(session)
		s.open(terms, routes, wire.Common{Emit: func(*wire.Exchange) { reports++ }, Counts: counts}, now)
		a := s.read(wire.FromClient, request, now)
		s.dialled("192.0.2.1:80", 0, nil, now)
		pass(s, a)
		pass(s, s.read(wire.FromServer, response, now))
		s.ended(wire.FromClient, now)
		s.ended(wire.FromServer, now)
		s.conclude(wire.CauseClient, now)
	}
	if n := testing.AllocsPerRun(500, handshake); n > most {
		t.Errorf("%.0f allocations, want at most %d", n, most)
	}
	if reports < 2*500 {
		t.Errorf("%d reports of 500 handshakes", reports)
	}
}
