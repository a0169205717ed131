package rules

import (
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// agrees checks that Unsafe agrees with the whole rulebook about an exchange, both about its head
// and about all of it.
func agrees(t *testing.T, x *wire.Exchange) {
	t.Helper()
	head := *x
	head.Complete, head.Final = false, false
	for _, x := range []*wire.Exchange{&head, x} {
		var spare Ruling
		if got, want := Unsafe(&spare, Case{X: x}), Classify(Case{X: x}).Unsafe; got != want {
			t.Errorf("complete %t: unsafe %t, and %t by the whole rulebook:\n%s", x.Complete, got, want, x.Request.Raw)
		}
	}
}

// TestUnsafeAsksEnough checks this for the corpus as it is, and with the response of a server that
// accepts every upgrade.
func TestUnsafeAsksEnough(t *testing.T) {
	unsafe := 0
	for _, r := range corpus(t) {
		for _, x := range r.transcript.Exchanges(wire.Common{Origin: wire.OriginLive}) {
			agrees(t, x)
			switched := *x
			switched.Outcome, switched.Response = wire.Switched, wire.ReadResponse([]byte("HTTP/1.1 101 Switching Protocols\r\n"+
				"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"))
			agrees(t, &switched)
			if Classify(Case{X: &switched}).Unsafe {
				unsafe++
			}
		}
	}
	if unsafe < 50 {
		t.Errorf("only %d exchanges are unsafe", unsafe)
	}
}
