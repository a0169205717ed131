package store

import (
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestWriteAllocatesLittle checks the cost of Write for its caller, and so for the traffic.
func TestWriteAllocatesLittle(t *testing.T) {
	const most = 8
	for _, x := range []*wire.Exchange{good("/chat"), bad("/chat")} {
		w, r := &Writer{Store: open(t, "memory")}, judged(x)
		if n := testing.AllocsPerRun(1000, func() { w.Write(r) }); n > most {
			t.Errorf("%s: %v allocations, want at most %d", x.Request.Method, n, most)
		}
	}
}
