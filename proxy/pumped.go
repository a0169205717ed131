package proxy

import (
	"sync/atomic"
)

// pumped is what a connection has only while goroutines carry it.
type pumped struct {
	via      *Listener // nil: the forward one
	named    *named    // where its client wants to go; nil: it did not say so to a forward listener
	carriers *carriers // those that may carry it; nil: none
	client   *side
	backend  *side // nil until the client's first byte has come

	prefix  []byte // what the client sent before the connection came here; nil if nothing
	refusal string // if not empty, why the target is out of scope: it is said, and nothing is carried
	blind   bool   // the client's TLS is not ended here

	editor    *headEditor // nil if nothing is edited
	undecided bool        // before the client bytes at hand, the conversation was; kept only for the editor

	gate   *gate  // nil: the guard is off
	giveUp func() // ends an attempt to dial; nil before

	handover  atomic.Bool // the up pump is to leave its place to the tunnel
	handedOut chan rest   // what the up pump had in hand when it stopped; it sends exactly once, so the capacity is 1
}

// rest is what a pump had in hand when it stopped.
type rest struct {
	pending []byte // read, but not written; its owner is whoever has the rest
	ended   bool   // the direction carries nothing any more
}

func newPumped(client socket) *pumped {
	return &pumped{client: cleartext(client), handedOut: make(chan rest, 1)}
}
