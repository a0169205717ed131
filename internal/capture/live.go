package capture

import (
	"bytes"
	"slices"

	"github.com/gopacket/gopacket/reassembly"

	"github.com/interlock-proxy/interlock/internal/tlsread"
	"github.com/interlock-proxy/interlock/wire"
)

// live is the state of a connection while it is read.
type live struct {
	talk   wire.Conversation
	tls    *tlsread.Conn // nil: it is not decrypted
	common wire.Common
	queue  []piece           // waiting pieces; after keep, their bytes are our own
	heard  bool              // a byte has come
	muted  [2]bool           // bytes of this direction of the tunnel are missing: the rest is only counted
	lost   bool              // segments are missing
	shed   bool              // it is not read any further, for a bound
	weight int               // how many bytes the conversation may keep
	last   [2]*wire.LastRead // of a tunnel, by direction; nil if the conversation got it all
}

// A piece is bytes of one end in order, which wait for bytes of the other end.
type piece struct {
	from  int
	bytes []byte
	fin   bool // and then it closed
	kept  bool // the bytes are ours
	need  reassembly.Sequence
}

const (
	maxPieces = 1 << 10   // that wait on one connection
	maxWeight = 192 << 10 // of a conversation, for unanswered requests and an incomplete head
)

// begin is called when it is known which end is the client.
func (c *connection) begin(client int) {
	t := c.streams
	addresses := c.key.addresses()
	c.client = client
	c.common = wire.Common{
		Origin: wire.OriginFile, Route: t.Route, Client: addresses[client], Backend: addresses[1-client],
		Emit: c.emit, NewID: t.newID, Pool: &t.pool, Counts: &t.counts,
	}
	c.talk.Open(&c.common)
}

func (c *connection) direction(i int) wire.Direction {
	if i == c.client {
		return wire.FromClient
	}
	return wire.FromServer
}

// beginsRequest reports whether bytes can only be the beginning of a request line.
func beginsRequest(b []byte) bool {
	line, _, whole := bytes.Cut(b, []byte("\n"))
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, version, _ := bytes.Cut(bytes.TrimSuffix(rest, []byte("\r")), []byte(" "))
	return whole && len(method) <= 32 && wire.IsToken(method) && len(target) > 0 && len(version) == len("HTTP/1.1") &&
		bytes.HasPrefix(version, []byte("HTTP/1."))
}

// drain passes on the pieces that no longer wait.
func (c *connection) drain() {
	for at := 0; c.live != nil && at < len(c.queue); {
		p := c.queue[at]
		other := &c.ends[1-p.from]
		behind := slices.ContainsFunc(c.queue[:at], func(q piece) bool { return q.from == p.from })
		if behind || p.need != unset && !c.talk.Switched() && other.taken.Difference(p.need) > 0 {
			at++
			continue
		}
		c.queue = slices.Delete(c.queue, at, at+1)
		c.unhold(p)
		c.pass(p)
		at = 0
	}
}

// keep copies the waiting pieces, within bounds.
func (c *connection) keep() {
	if c.live == nil || len(c.queue) == 0 {
		return
	}
	p := &c.queue[len(c.queue)-1]
	if !p.kept {
		p.bytes, p.kept = bytes.Clone(p.bytes), true
		c.streams.held += len(p.bytes)
	}
	if len(c.queue) > maxPieces || c.streams.held > c.streams.Bounds.Held {
		c.giveUp()
	}
}

func (c *connection) unhold(p piece) {
	if p.kept {
		c.streams.held -= len(p.bytes)
	}
}

// pass gives the conversation the next bytes of one direction.
func (c *connection) pass(p piece) {
	e, d := &c.ends[p.from], c.direction(p.from)
	e.taken = e.taken.Add(length(p.bytes, p.fin))
	switch {
	case len(p.bytes) == 0:
	case c.secure(d, p.bytes[0]):
		c.decrypt(d, p.bytes)
	default:
		c.give(d, p.bytes)
	}
	if p.fin && c.live != nil {
		c.close(p.from)
	}
	if c.rest(); c.live != nil {
		c.weigh(len(p.bytes))
	}
}

// give gives the conversation what the peers have sent.
func (c *connection) give(d wire.Direction, b []byte) {
	now := c.streams.now
	recorded := c.talk.Switched() && !c.talk.Recording(d)
	if !c.muted[d] && c.talk.Reading(d) {
		c.talk.Feed(d, b, now)
	}
	c.talk.Wrote(d, len(b))
	if recorded {
		if c.last[d] == nil {
			c.last[d] = new(wire.LastRead)
		}
		c.last[d].Keep(b, now)
	}
}

// rest ends a connection that is opaque and has nothing more to report.
func (c *connection) rest() {
	if c.live != nil && c.client != nobody && c.blind() && c.talk.Due().IsZero() {
		c.end(wire.CauseDrain)
	}
}

// weigh bounds the memory of conversations that wait for an answer.
func (c *connection) weigh(n int) {
	weight := c.weight
	if c.tls != nil {
		n = c.tls.Held()
	}
	switch {
	case c.talk.Multiplexed():
		weight = c.talk.Held()
	case c.talk.Resting():
		weight = 0
	case !c.talk.Switched():
		weight = min(weight+n, maxWeight)
	}
	c.streams.unanswered += weight - c.weight
	c.weight = weight
	if c.streams.unanswered > c.streams.Bounds.Unanswered {
		c.giveUp()
	}
}

// close records that one end has sent everything.
func (c *connection) close(i int) {
	c.ends[i].closed = true
	if c.first == nobody {
		c.first = i
	}
	c.talk.Ended(c.direction(i), c.streams.now)
	if !c.ends[1-i].closed {
		return
	}
	cause := wire.CauseServer
	if c.first == c.client {
		cause = wire.CauseClient
	}
	c.end(cause)
}

// tick advances the clock of the conversation.
func (c *connection) tick() {
	if c.client == nobody {
		return
	}
	for range 8 {
		due := c.talk.Due()
		if due.IsZero() || due.After(c.streams.now) {
			return
		}
		c.talk.Tick(due)
	}
}

// lose gives up on a connection of which bytes are missing.
func (c *connection) lose() {
	if !c.blind() {
		c.lost = true
		c.streams.report.Lost++
	}
	c.end(wire.CauseDrain)
}

// blind reports whether nothing of the connection is read.
func (c *connection) blind() bool { return c.talk.Opaque() && !c.talk.Multiplexed() }

// giveUp gives up on a connection for a bound.
func (c *connection) giveUp() {
	c.shed = true
	c.streams.report.Shed++
	c.end(wire.CauseDrain)
}

// end reports the remaining exchanges and releases everything.
func (c *connection) end(cause wire.Cause) {
	if c.live == nil {
		return
	}
	t := c.streams
	if c.client == nobody {
		t.report.Unoriented++
		switch {
		case c.framed:
			t.report.MidHTTP2++
		case c.sealed:
			t.report.MidTLS++
		}
		c.live = nil
		return
	}
	if !c.lost && !c.shed && !c.talk.Switched() && !c.blind() && (len(c.queue) > 0 || !c.gap.IsZero()) {
		c.lost = true
		t.report.Lost++
	}
	c.tick()
	c.talk.Closing(c.last, false)
	c.talk.Settle(cause, t.now)
	for _, p := range c.queue {
		c.unhold(p)
	}
	t.unanswered -= c.weight
	c.live = nil
}

// emit observes an exchange that is final, or any of a live capture. If its rest is missing, the answer
// is unknown.
func (c *connection) emit(x *wire.Exchange) {
	t := c.streams
	if !x.Final && !t.Live {
		return
	}
	cut := c.lost || c.shed
	if x.Response == nil && (cut || t.finishing) {
		if _, unfinished := x.Request.Flaw(wire.FlawHeadUnfinished); unfinished {
			return
		}
	}
	switch {
	case x.Response != nil:
	case cut:
		x.Outcome, x.Cause = wire.Opaque, ""
	case x.Outcome == wire.Closed && (x.Cause == wire.CauseDrain || x.Cause == wire.CauseTimeout): // neither end closed
		x.Outcome, x.Cause = wire.Unseen, ""
	}
	if c.midway {
		x.Lossy = append(x.Lossy, LostBeginning)
	}
	if cut || c.muted[wire.FromClient] || c.muted[wire.FromServer] {
		x.Lossy = append(x.Lossy, LostSegments)
	}
	if t.finishing && !cut && (x.Response == nil || x.After.Ended) {
		x.Lossy = append(x.Lossy, LostEnd)
	}
	if x.Final {
		t.report.Upgrades++
	}
	t.Observe(x)
}
