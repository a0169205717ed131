package ws

import (
	"slices"
	"time"
)

// A recorder keeps the messages of one tunnel.
type recorder struct {
	Keep
	began   time.Duration
	sides   [2]recording // by Side
	kept    []Message
	size    int // of these
	used    int // of the shared memory
	dropped [2]int64
}

// A recording is the message of a side that is under way, and the control frame.
type recording struct {
	inflater
	message Message // Frames is 0 if none is under way
	control Message // likewise
	b       []byte  // its payload as it was sent, as far as it is needed
	full    bool    // no more of it is needed
	taken   int     // memory for what the inflater remembers
}

// A Context is what a handshake agreed on about compressed messages of one side (RFC 7692 §7.1).
type Context struct {
	NoTakeover bool  // no message refers to those before it
	WindowBits uint8 // to how many bytes before a message may refer; 0: 15
}

// Keep has the messages be kept of a tunnel that begins at that time. Nothing may have been fed before
// it, and Release must be called at the end.
func (r *Reader) Keep(k *Keep, contexts [2]Context, began time.Duration) {
	c := &recorder{Keep: *k, began: began}
	if c.Message == 0 {
		c.Message = MessageBytes
	}
	if c.Tunnel == 0 {
		c.Tunnel = TunnelBytes
	}
	c.Message, c.Tunnel = min(c.Message, MaxMessageBytes), min(c.Tunnel, MaxTunnelBytes)
	for from := range r.sides {
		r.sides[from].more().recorder = c
		c.sides[from].inflater = inflater{takeover: !contexts[from].NoTakeover, size: windowSize(contexts[from].WindowBits)}
		if r.terms.Other {
			c.sides[from].lost = CutCorrupt
		}
	}
}

// windowSize is the size of a window of so many bits; 0: the largest one. Windows of 8 bits have 9, as
// zlib makes them.
func windowSize(bits uint8) int {
	if bits == 0 {
		bits = 15
	}
	return 1 << min(max(bits, 9), 15)
}

// Messages returns the messages so far; nil if they are not kept.
func (r *Reader) Messages() *Messages {
	e := r.sides[Client].extra
	if e == nil || e.recorder == nil {
		return nil
	}
	c := e.recorder
	m := &Messages{Kept: slices.Clone(c.kept), Dropped: c.dropped}
	for from := range c.sides {
		s := &c.sides[from]
		if s.message.Frames == 0 {
			continue
		}
		open := s.message
		open.Size, open.Cut = SizeUnknown, CutEnd
		if side := &r.sides[from]; side.state&inPayload != 0 && side.kind.data() {
			open.Sent += side.length() - side.left
		}
		if !open.Compressed {
			open.Data = slices.Clone(s.b)
		}
		if open.Data = beginning(&open); !c.Data {
			open.reduce()
		}
		m.Kept = append(m.Kept, open)
	}
	return m
}

// Release gives the memory of the messages back. Nothing may be fed or skipped after it.
func (r *Reader) Release() {
	if e := r.sides[Client].extra; e != nil && e.recorder != nil {
		e.recorder.Memory.give(e.recorder.used)
		e.recorder.used = 0
	}
}

// take takes memory.
func (c *recorder) take(n int) bool {
	if !c.Memory.take(n) {
		return false
	}
	c.used += n
	return true
}

func (c *recorder) give(n int) {
	c.Memory.give(n)
	c.used -= n
}
