package audit

import (
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// recorded is a handshake of a capture that was answered within some milliseconds.
func recorded(client, backend string, at, took int) *wire.Exchange {
	transcript, err := wire.ParseTranscript([]byte("\n" +
		`> GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: czrsPE7/lYvU9/F86UrEYQ==\r\nSec-WebSocket-Version: 13\r\n\r\n
< HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: jXTh3XNFlN44mE1S2XPwMgiDa5c=\r\n\r\n
`))
	if err != nil {
		panic(err)
	}
	x := *transcript.Exchanges(wire.Common{})[0]
	x.ID, x.Client, x.Backend, x.Route = client+" "+backend, client, backend, "default"
	x.Time, x.Took = time.Unix(1000, 0).Add(time.Duration(at)*time.Millisecond), time.Duration(took)*time.Millisecond
	return &x
}

// TestBothSidesOfAProxyArePaired records handshakes with one key. What a proxy passed on is no key
// that is used again.
func TestBothSidesOfAProxyArePaired(t *testing.T) {
	outer, inner := recorded("192.0.2.1:5000", "192.0.2.2:80", 0, 10), recorded("192.0.2.2:6000", "192.0.2.3:8080", 2, 5)
	for name, each := range map[string]struct {
		all            []*wire.Exchange
		paired, reused int64
	}{
		"outer first":       {[]*wire.Exchange{outer, inner}, 1, 0},
		"inner first":       {[]*wire.Exchange{inner, outer}, 1, 0},
		"two proxies":       {[]*wire.Exchange{outer, inner, recorded("192.0.2.3:7000", "192.0.2.4:9000", 3, 2)}, 2, 0},
		"on loopback":       {[]*wire.Exchange{recorded("127.0.0.1:1", "127.0.0.1:80", 0, 9), recorded("127.0.0.1:2", "127.0.0.1:81", 1, 3)}, 1, 0},
		"translated":        {[]*wire.Exchange{outer, recorded("198.51.100.1:5000", "192.0.2.2:80", 0, 10)}, 1, 0},
		"twice at a time":   {[]*wire.Exchange{outer, recorded("192.0.2.1:5001", "192.0.2.2:80", 1, 5)}, 0, 1},
		"later":             {[]*wire.Exchange{outer, recorded("192.0.2.1:5001", "192.0.2.9:80", 11, 5)}, 0, 1},
		"unanswered":        {[]*wire.Exchange{recorded("192.0.2.1:5000", "192.0.2.2:80", 0, 0), recorded("192.0.2.2:6000", "192.0.2.3:80", 1, 0), recorded("192.0.2.1:5001", "192.0.2.2:80", 5, 3), recorded("192.0.2.2:6001", "192.0.2.3:80", 6, 1)}, 2, 1},
		"again, both sides": {[]*wire.Exchange{outer, inner, recorded("192.0.2.1:5001", "192.0.2.2:80", 900, 10), recorded("192.0.2.2:6001", "192.0.2.3:8080", 902, 5)}, 2, 1},
	} {
		var reused int64
		a := &Audit{Each: func(r *rules.Ruling) {
			if r.Find("UPGRADE-WS-KEY-REUSED") != nil {
				reused++
			}
		}}
		for _, x := range each.all {
			a.Observe(x)
		}
		if got := a.Sums().Paired; got != each.paired || reused != each.reused {
			t.Errorf("%s: got %d pairs and %d keys that were used again, want %d and %d", name, got, reused, each.paired, each.reused)
		}
	}
}
