package proxy

import (
	"testing"
	"unsafe"
)

// TestALaneIsSmall holds what an idle connection takes while a carrier has it, but for what its exchange takes: one
// allocation, and 512 bytes are a size that the allocator has.
func TestALaneIsSmall(t *testing.T) {
	const atMost = 512
	var c conn
	var l lane
	if got := unsafe.Sizeof(c) + unsafe.Sizeof(l); got > atMost {
		t.Errorf("conn and lane take %d bytes, want at most %d: %d for conn, of these %d for the conversation, %d for common and %d for clock; "+
			"%d for lane. What only goroutines need belongs in pumped, and what only a direction in motion needs in flow",
			got, atMost, unsafe.Sizeof(c), unsafe.Sizeof(c.talk), unsafe.Sizeof(c.common), unsafe.Sizeof(c.clock), unsafe.Sizeof(l))
	}
}
