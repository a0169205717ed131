package proxy

import (
	"testing"
	"unsafe"
)

// TestAConnectionIsSmall holds what an idle connection takes in an event loop, but for what its
// exchange takes: one allocation, and 512 bytes are a size that the allocator has.
func TestAConnectionIsSmall(t *testing.T) {
	const atMost = 512
	var l loopConn
	if got := unsafe.Sizeof(l); got > atMost {
		t.Errorf("a loopConn takes %d bytes, want at most %d: %d are the session's, of these %d for the conversation and %d for common; "+
			"%d the clock's. What holds bytes back belongs in holding, and what only a direction in motion needs in transfer",
			got, atMost, unsafe.Sizeof(l.session), unsafe.Sizeof(l.session.talk), unsafe.Sizeof(l.session.common), unsafe.Sizeof(l.clock))
	}
}
