package proxy

import (
	"testing"
	"unsafe"
)

// TestAConnectionIsSmall checks that an idle connection in an event loop, apart from its exchange,
// is one allocation of at most 512 bytes, which is a size class of the allocator.
func TestAConnectionIsSmall(t *testing.T) {
	const atMost = 512
	var l loopConn
	if got := unsafe.Sizeof(l); got > atMost {
		t.Errorf("a loopConn takes %d bytes, want at most %d: %d are the session's, of these %d for the conversation and %d for common; "+
			"What holds bytes back belongs in holding, and what only a direction in motion needs in transfer",
			got, atMost, unsafe.Sizeof(l.session), unsafe.Sizeof(l.session.talk), unsafe.Sizeof(l.session.common))
	}
}
