package wire

import (
	"encoding/binary"
	"sync"
	"time"
)

// This file exists to save memory. Most of the connections through a proxy are idle, either between
// two requests or in a tunnel, and there may be many thousands of them at the same time.
//
//   - A connection between two requests needs no scanner, no buffer for a head and no ring. It
//     takes them from a [Pool] with the first byte of a request and returns them with the last byte
//     of the response. See borrow and giveBack.
//   - A tunnel is read only for its first bytes. It returns everything as soon as they are known.
//     See leave.
//   - The exchange of a tunnel is reported again when the tunnel ends, perhaps hours later. Until
//     then it is kept as one string without the parsed headers, which are several times larger than
//     the bytes. See pack and unpack.

// A Pool lends the memory that a connection needs only while something is under way, so that idle
// connections hold none. Its zero value is ready; many connections may share one at the same time.
// A nil Pool lends new memory each time.
type Pool struct{ heads, rings, readings sync.Pool }

func (p *Pool) head() *headBuffer {
	if p != nil {
		if b, ok := p.heads.Get().(*headBuffer); ok {
			return b
		}
	}
	return &headBuffer{bytes: make([]byte, 0, 2<<10)}
}

func (p *Pool) putHead(b *headBuffer) {
	if p == nil || cap(b.bytes) > 16<<10 {
		return // one long head shall not be paid for ever
	}
	*b = headBuffer{bytes: b.bytes[:0]}
	p.heads.Put(b)
}

func (p *Pool) ring() *ring {
	if p != nil {
		if r, ok := p.rings.Get().(*ring); ok {
			return r
		}
	}
	return &ring{bytes: make([]byte, 0, 2<<10), queue: make([]pending, 0, 4)}
}

func (p *Pool) putRing(r *ring) {
	if p == nil || cap(r.bytes) > 16<<10 || cap(r.queue) > 64 {
		return
	}
	clear(r.queue[:cap(r.queue)])
	*r = ring{bytes: r.bytes[:0], queue: r.queue[:0], request: r.request.spare(), response: r.response.spare()}
	p.rings.Put(r)
}

func (p *Pool) reading() *reading {
	if p != nil {
		if r, ok := p.readings.Get().(*reading); ok {
			return r
		}
	}
	return new(reading)
}

func (p *Pool) putReading(r *reading) {
	if p != nil {
		*r = reading{}
		p.readings.Put(r)
	}
}

// borrow takes the memory that reading needs.
func (c *Conversation) borrow() {
	if c.reading == nil {
		pool := c.common.Pool
		c.reading = pool.reading()
		c.up.Side, c.up.Pool = FromClient, pool
		c.down.Side, c.down.Pool = FromServer, pool
	}
	if c.ring == nil {
		c.ring = c.common.Pool.ring()
	}
}

// giveBack returns the ring when no request is without an answer.
func (c *Conversation) giveBack() {
	if c.ring != nil && c.ring.empty() {
		c.release()
	}
}

// release gives back the memory that only requests without an answer need.
func (c *Conversation) release() {
	if c.ring != nil {
		c.common.Pool.putRing(c.ring)
		c.ring = nil
	}
	c.interim = nil
}

// leave gives back all of it, once nothing is read any more and nothing that was read is still to
// be reported.
func (c *Conversation) leave() {
	over := c.settled || c.opaque || c.tunnel != nil && c.tunnel.started[FromClient]
	if c.reading == nil || !over || c.refused != nil || c.answering != nil {
		return
	}
	c.unread = c.Unread()
	c.release()
	c.up.Stop()
	c.down.Stop()
	c.common.Pool.putReading(c.reading)
	c.reading = nil
}

// packed is an exchange as one string, without what all exchanges of its connection have in common
// and what its tunnel keeps. Heads are read again when they are needed. The bytes recorded after
// the 101 are at its end, the client's before the server's, so that more can be added.
type packed string

// The marks of a packed exchange.
const (
	packedBodyDone = 1 << iota
	packedFar
)

// maxPacked is the size in bytes of the largest exchange that is packed: each further byte that is
// recorded copies it.
const maxPacked = 8 << 10

// packable reports whether packing the exchange saves memory and can be undone. Exchanges with rare
// parts are not packed.
func (x *Exchange) packable() bool {
	return x.Outcome == Switched && !x.Blocked && len(x.Interim) == 0 && len(x.Noise) == 0 && len(x.After.Last) == 0 && x.After.End == nil && x.Bytes() <= maxPacked
}

// pack appends the packed form to b.
func (x *Exchange) pack(b []byte) []byte {
	marks, far := uint64(0), []byte(nil)
	if x.BodyDone {
		marks |= packedBodyDone
	}
	if x.Far != nil {
		marks, far = marks|packedFar, x.Far.Raw
	}
	for _, n := range [...]uint64{marks, uint64(x.Revision), uint64(x.Took), uint64(x.EarlyBytes)} {
		b = binary.AppendUvarint(b, n)
	}
	for _, p := range [...][]byte{[]byte(x.ID), x.Request.Raw, far, x.Response.Raw, x.Early} {
		b = append(binary.AppendUvarint(b, uint64(len(p))), p...)
	}
	return append(append(b, x.After.Client...), x.After.Server...)
}

// with returns the packed exchange with more bytes of one direction after its 101, given how many
// of the server's it has.
func (p packed) with(more []byte, d Direction, server int) packed {
	at := len(p)
	if d == FromClient {
		at -= server
	}
	return p[:at] + packed(more) + p[at:]
}

// unpack restores a packed exchange that has that many bytes of the client after its 101.
func (x *Exchange) unpack(from packed, client int) {
	rest := []byte(from)
	number := func() uint64 {
		n, size := binary.Uvarint(rest)
		rest = rest[size:]
		return n
	}
	take := func(n int) (p []byte) {
		if n > 0 {
			p, rest = rest[:n:n], rest[n:]
		}
		return p
	}
	part := func() []byte { return take(int(number())) }
	marks := number()
	x.Revision, x.Took, x.EarlyBytes = int(number()), time.Duration(number()), int64(number())
	x.ID, x.BodyDone = string(part()), marks&packedBodyDone != 0
	x.Request = ReadRequest(part())
	if far := part(); marks&packedFar != 0 {
		x.Far = ReadRequest(far)
	}
	x.Response, x.Early, x.Outcome = ReadResponse(part()), part(), Switched
	x.After.Client = take(client)
	x.After.Server = take(len(rest))
}

// pack makes the exchange small until it is reported again.
func (c *Conversation) pack() {
	t := c.tunnel
	if t.lost || !t.x.packable() {
		return
	}
	b := c.common.Pool.head()
	b.bytes = t.x.pack(b.bytes)
	t.packed, t.x = packed(b.bytes), nil
	c.common.Pool.putHead(b)
}

// unpack makes the exchange whole again.
func (c *Conversation) unpack() {
	t := c.tunnel
	if t.x == nil {
		t.x = c.blank(t.time)
		t.x.unpack(t.packed, int(t.kept[FromClient]))
		t.packed = ""
	}
}
