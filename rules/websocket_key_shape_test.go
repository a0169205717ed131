package rules

import (
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestHopsThatReadDifferentKeys checks that two keys are critical if the two sides of a hop read
// different ones.
func TestHopsThatReadDifferentKeys(t *testing.T) {
	const a, b = "x3JJHMbDL1EzLkh9GBhXDw==", "eHh4eHh4eHh4eHh4eHh4eA=="
	hop := func(read string) *wire.Exchange {
		value := acceptValue([]byte(read))
		return &wire.Exchange{
			Origin: wire.OriginLive, Complete: true, BodyDone: true, Outcome: wire.Switched,
			Request: wire.ReadRequest([]byte("GET /chat HTTP/1.1\r\nHost: staging.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
				"Sec-WebSocket-Key: " + a + "\r\nSec-WebSocket-Key: " + b + "\r\nSec-WebSocket-Version: 13\r\n\r\n")),
			Response: wire.ReadResponse([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
				"Sec-WebSocket-Accept: " + string(value[:]) + "\r\n\r\n")),
		}
	}
	for far, want := range map[string]Severity{a: High, b: Critical} {
		near := hop(a)
		near.Hop = &wire.Hop{Far: hop(far)}
		r := Classify(Case{X: near})
		if f := r.Find("UPGRADE-WS-KEY-DUP"); f.Verdict != Fail || f.Severity != want || r.Unsafe != (want == Critical) {
			t.Errorf("far side read %q: got %s, %s, unsafe %t, want fail, %s", far, f.Verdict, f.Severity, r.Unsafe, want)
		}
	}
}
