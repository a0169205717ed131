package wire

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// The times after which an exchange is reported although it is not over.
const (
	SilentAfter    = 30 * time.Second // a request without an answer, from the end of its head
	UnfinishedFor  = 10 * time.Second // a response whose content does not end, from the end of its head
	AftermathFor   = time.Second      // a 101, from the end of its head
	HangsAfter     = 10 * time.Second // a tunnel over HTTP/2 that the client has ended, from the last byte of the server
	KilledWithin   = time.Second      // the end of a connection after that of a stream
	LateBytesAfter = time.Second      // the first bytes of a client that was quiet so far, from the first of them
)

// A Conversation reads both directions of one connection, pairs requests with responses and reports
// the exchanges that are about an upgrade: the request has an Upgrade header or one of the headers
// of a handshake, or the response is a 101 or 426 or has an Upgrade header, or a request that still
// has the option upgrade is refused. All others are only counted.
//
// It has no clock: times are arguments, and the owner of the timer calls Tick at the time that Due
// returns. Except for Wrote, only one goroutine may use it at a time. Open comes before everything
// else.
//
// Its methods are in several files: the calls of the connection's owner are here and in
// passable.go; client.go reads requests, server.go reads responses; tunnel.go follows what is sent
// after a 101; report.go makes exchanges and reports them; memory.go gives back memory early.
type Conversation struct {
	common   *Common
	*reading // nil before the first byte, and where nothing is read any more
	tunnel   *tunnel
	http2    *multiplex // of a connection that began with HTTP/2; it is opaque otherwise

	fed        [2]int64        // bytes that were fed
	wrote      [2]atomic.Int64 // bytes that were passed on
	understood int64           // one more than how many of the server's bytes could be read; 0 while all can be
	unread     string          // what the unread bytes are, as far as that is known
	ended      [2]bool
	opaque     bool
	settled    bool
	pending    bool // of a stream: how its connection goes on is still to be reported
}

// A reading is the state of a connection while HTTP is read on it. A nil reading has nothing under
// way.
type reading struct {
	up, down Scanner
	ring     *ring // requests without an answer

	headSince time.Time // when the request head that is incomplete began
	answering *Exchange // the refused or ignored one whose response is not over
	answerDue time.Time
	refused   *Exchange // the last offer that was not accepted, until it is known what the client does next
	nextDue   time.Time // until when bytes belong to it; zero if none do
	interim   []*Response
	inBody    bool    // the client's current content belongs to the last request of the ring
	seek      *seeker // set once the server's bytes cannot be read; nil before
	noise     []byte  // what preceded the 101 that was found in it
	peek      peek    // at content that may begin with a 101
}

// Open readies a zero Conversation for a connection.
func (c *Conversation) Open(common *Common) { c.common = common }

// Feed takes bytes that were read from one side. What they complete is reported before Feed
// returns.
func (c *Conversation) Feed(d Direction, p []byte, now time.Time) {
	if len(p) == 0 || c.settled {
		return
	}
	base := c.fed[d]
	c.fed[d] += int64(len(p))
	switch {
	case c.http2 != nil:
		c.http2.feed(d, p, now)
	case c.opaque:
		if d == FromClient {
			c.gather(p, now)
		}
	case d == FromClient:
		c.feedClient(p, base, now)
	case c.serverBeginsHTTP2(p, base):
		c.beginHTTP2AtServer(p, now)
	default:
		c.feedServer(p, base, now)
	}
	if c.tunnel != nil {
		c.record(d, p, base, now)
	}
	c.leave()
}

// Skippable returns how many of the next bytes in that direction need not be fed, because they are
// content of known length that is not recorded, or the payload of a frame; 0 if bytes must be fed.
// Feeding or skipping in either direction may change it.
func (c *Conversation) Skippable(d Direction) int64 {
	switch {
	case c.http2 != nil && !c.settled:
		return c.http2.decoder.Skippable(h2.Side(d))
	case c.settled || c.opaque:
		return 0
	case c.tunnel != nil:
		return c.tunnel.skippable(d)
	case c.reading == nil:
		return 0
	case d == FromServer && c.common.Content && c.answering != nil && len(c.answering.Content) < MaxContent:
		return 0
	case d == FromClient && c.awaitsEarly():
		return 0
	case d == FromServer:
		return c.down.skippable()
	}
	return c.up.skippable()
}

// Skip records that n bytes, at most Skippable, passed without being fed. What they complete is
// reported before it returns, as by Feed.
func (c *Conversation) Skip(d Direction, n int64, now time.Time) {
	if n = min(n, c.Skippable(d)); n <= 0 {
		return
	}
	c.fed[d] += n
	switch {
	case c.http2 != nil:
		c.http2.skip(d, n, now)
	case c.tunnel != nil:
		c.tunnel.skip(d, n, now)
	case d == FromServer && c.down.skip(n):
		c.answered(now)
	case d == FromClient && c.up.skip(n):
		c.requestEnd(c.fed[d])
	}
}

// Wrote counts bytes of one direction that were passed on. It may be called at any time, beside any
// other call.
func (c *Conversation) Wrote(d Direction, n int) { c.wrote[d].Add(int64(n)) }

// Switched reports whether a 101 has been seen: from its head on the connection is a tunnel.
func (c *Conversation) Switched() bool { return c.tunnel != nil }

// Recording reports whether the bytes of that direction are still kept or read as HTTP.
func (c *Conversation) Recording(d Direction) bool {
	return !c.opaque && (c.tunnel == nil || c.tunnel.recording(d))
}

// Reading reports whether the bytes of that direction still matter: they are recorded, or read as
// frames. When they do not, they need not be fed.
func (c *Conversation) Reading(d Direction) bool {
	return c.Recording(d) || c.http2 != nil || c.tunnel != nil && c.tunnel.readsFrames(d)
}

// Multiplexed reports whether the connection is read as HTTP/2. It is opaque otherwise.
func (c *Conversation) Multiplexed() bool { return c.http2 != nil }

// Held returns about how many bytes are kept of a connection of HTTP/2.
func (c *Conversation) Held() int {
	const each = 4 << 10 // of a stream beside its heads
	if c.http2 == nil || c.settled {
		return 0
	}
	return c.http2.heads + each*len(c.http2.streams) + c.http2.decoder.Held()
}

// Missed records that bytes of that direction will not be fed although they matter: no more frames
// of it are read.
func (c *Conversation) Missed(d Direction) {
	if c.tunnel != nil && c.tunnel.frames != nil {
		c.tunnel.frames.stop(d)
	}
}

// Opaque reports whether nothing is claimed about the connection any more.
func (c *Conversation) Opaque() bool { return c.opaque }

// Unread returns, in a few words, why not everything on the connection could be read; it is empty
// if everything could.
func (c *Conversation) Unread() string {
	switch {
	case c.multiplex() != nil:
		return c.multiplex().blind
	case c.unread != "", c.reading == nil:
		return c.unread
	case c.up.Flaw != 0:
		return c.up.Flaw.String()
	case c.down.Flaw != 0:
		return c.down.Flaw.String() + " from the server"
	}
	return ""
}

// Resting reports whether no request is under way: none is unanswered, no message is unfinished in
// either direction and no stream open, and everything that was fed has been passed on.
func (c *Conversation) Resting() bool {
	resting := !c.opaque && c.reading.resting()
	if c.http2 != nil {
		resting = c.http2.on.resting()
	}
	return resting && c.tunnel == nil && !c.settled &&
		c.fed[FromClient] == c.wrote[FromClient].Load() && c.fed[FromServer] == c.wrote[FromServer].Load()
}

// Undecided reports whether some unanswered request may still turn the connection into a tunnel, so
// that the client's bytes after it may be HTTP or not.
func (c *Conversation) Undecided() bool {
	return slices.ContainsFunc(c.unanswered(), func(q pending) bool { return q.offers || q.connect })
}

// HeadSince returns when the incomplete request head started; the zero time if there is none.
func (c *Conversation) HeadSince() time.Time {
	if c.reading == nil {
		return time.Time{}
	}
	return c.headSince
}

// Ended records that one direction has ended in good order.
func (c *Conversation) Ended(d Direction, now time.Time) {
	if c.ended[d] || c.settled {
		return
	}
	c.ended[d] = true
	switch {
	case c.tunnel != nil:
		c.tunnel.closed[d] = true
		c.Ending(now)
	case d == FromServer && !c.opaque && c.reading != nil:
		c.peek = peek{}
		if c.down.Close() == EventEnd {
			c.answered(now)
		}
		c.cutOff(now)
		if c.seek != nil {
			c.turnOpaque(now)
		}
		if c.ended[FromClient] { // before the server did
			c.abandon(CauseClient, now)
		} else {
			c.abandon(CauseServer, now)
		}
	}
}

// Settle says that the connection is over and why. Everything that has not been reported is; later
// calls do nothing.
func (c *Conversation) Settle(cause Cause, now time.Time) {
	if c.settled {
		return
	}
	if c.reading != nil {
		c.conclude(cause, now)
	}
	if m := c.multiplex(); m != nil {
		m.settle(cause, now)
	}
	if c.tunnel != nil {
		c.endTunnel(cause, now)
	}
	c.settled = true
	c.leave()
}

// resting reports whether no request is without an answer and no message unfinished.
func (r *reading) resting() bool {
	return r == nil || r.ring.empty() && r.up.Resting() && r.down.Resting()
}

// unanswered are the requests without an answer, oldest first.
func (r *reading) unanswered() []pending {
	if r == nil || r.ring == nil {
		return nil
	}
	return r.ring.queue[r.ring.first:]
}
