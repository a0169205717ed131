package wire

import (
	"encoding/binary"
	"time"
)

// packed is an exchange as one string: what neither all exchanges of its connection have in common, nor the tunnel behind
// it keeps by itself. Heads are not kept as they were read, but are read again. At its end stand the bytes that were
// recorded behind the 101, the client's before the server's, so that more can be added.
type packed string

// The marks of a packed exchange.
const (
	packedBodyDone = 1 << iota
	packedFar
)

// maxPacked is the size in bytes of the largest exchange that is packed: each further byte that is recorded copies it.
const maxPacked = 8 << 10

// packable tells whether it is worth while to pack the exchange, and can be undone. What is rare is left out.
func (x *Exchange) packable() bool {
	return x.Outcome == Switched && !x.Blocked && len(x.Interim) == 0 && len(x.Noise) == 0 && len(x.After.Last) == 0 && x.Bytes() <= maxPacked
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

// with is the packed exchange with more bytes of one direction behind its 101, where it has that many of the server's.
func (p packed) with(more []byte, d Direction, server int) packed {
	at := len(p)
	if d == FromClient {
		at -= server
	}
	return p[:at] + packed(more) + p[at:]
}

// unpack fills in what was packed, which has that many bytes of the client behind its 101.
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
