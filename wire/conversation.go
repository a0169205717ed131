package wire

import (
	"bytes"
	"slices"
	"sync/atomic"
	"time"
)

// The times after which an exchange is reported although it is not over.
const (
	SilentAfter    = 30 * time.Second // a request without an answer, from the end of its head
	UnfinishedFor  = 10 * time.Second // a response whose content does not end, from the end of its head
	AftermathFor   = time.Second      // a 101, from the end of its head
	LateBytesAfter = time.Second      // the first bytes of a client that was quiet so far, from the first of them
)

// A Conversation reads both directions of one connection, pairs requests with responses and reports the exchanges that
// have to do with the Upgrade mechanism: those in which the request has an Upgrade field or one of the fields of a
// handshake, or the response is a 101 or 426 or has an Upgrade field, or a request that still has the option upgrade is
// refused. All others are only counted.
//
// It has no clock: times are arguments, and whoever owns the timer calls Tick when Due has come. It is not safe for use by
// several goroutines at the same time, but for Wrote. Open comes before everything else.
type Conversation struct {
	common   *Common
	*reading // nil before the first byte, and where nothing is read any more
	tunnel   *tunnel

	fed        [2]int64        // bytes that were fed
	wrote      [2]atomic.Int64 // bytes that were passed on
	understood int64           // one more than how many of the server's bytes could be read; 0 while all can be
	unread     string          // what the bytes are that are not read, as far as that is known
	ended      [2]bool
	opaque     bool
	settled    bool
}

// Open readies a zero Conversation for a connection.
func (c *Conversation) Open(common *Common) { c.common = common }

// Feed takes bytes that were read from one side. What they complete is reported before Feed returns.
func (c *Conversation) Feed(d Direction, p []byte, now time.Time) {
	if len(p) == 0 || c.settled {
		return
	}
	base := c.fed[d]
	c.fed[d] += int64(len(p))
	switch {
	case c.opaque:
		if d == FromClient {
			c.gather(p, now)
		}
	case d == FromClient:
		c.feedClient(p, base, now)
	default:
		c.feedServer(p, base, now)
	}
	if c.tunnel != nil {
		c.record(d, p, base, now)
	}
	c.leave()
}

// Wrote counts bytes of one direction that were passed on. It may be called at any time, beside any other call.
func (c *Conversation) Wrote(d Direction, n int) { c.wrote[d].Add(int64(n)) }

// Switched tells whether a 101 has been seen: from its head on the connection is a tunnel.
func (c *Conversation) Switched() bool { return c.tunnel != nil }

// Recording tells whether the bytes of that direction still matter. When they do not, they need not be fed.
func (c *Conversation) Recording(d Direction) bool {
	return !c.opaque && (c.tunnel == nil || c.tunnel.recording(d))
}

// Opaque tells whether nothing is claimed about the connection any more.
func (c *Conversation) Opaque() bool { return c.opaque }

// Unread tells why not everything on the connection could be read, in a few words; it is empty if everything could.
func (c *Conversation) Unread() string {
	switch {
	case c.unread != "", c.reading == nil:
		return c.unread
	case c.up.Flaw != 0:
		return c.up.Flaw.String()
	case c.down.Flaw != 0:
		return c.down.Flaw.String() + " from the server"
	}
	return ""
}

// Resting tells whether no request is under way: none without an answer, no message unfinished in either direction, and
// everything that was fed has been passed on.
func (c *Conversation) Resting() bool {
	return c.tunnel == nil && !c.opaque && !c.settled && c.reading.resting() &&
		c.fed[FromClient] == c.wrote[FromClient].Load() && c.fed[FromServer] == c.wrote[FromServer].Load()
}

// Undecided tells whether some request without an answer may still turn the connection into a tunnel, so that nobody can
// say what the client's bytes behind it are.
func (c *Conversation) Undecided() bool {
	return slices.ContainsFunc(c.unanswered(), func(q pending) bool { return q.offers || q.connect })
}

// HeadSince is when the request head began that is not complete; the zero time if there is none.
func (c *Conversation) HeadSince() time.Time {
	if c.reading == nil {
		return time.Time{}
	}
	return c.headSince
}

// Ended takes note that one direction has ended in good order.
func (c *Conversation) Ended(d Direction, now time.Time) {
	if c.ended[d] || c.settled {
		return
	}
	c.ended[d] = true
	switch {
	case c.tunnel != nil:
		c.tunnel.closed[d] = true
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

// Settle says that the connection is over and why. Everything that has not been reported is; later calls do nothing.
func (c *Conversation) Settle(cause Cause, now time.Time) {
	if c.settled {
		return
	}
	if c.reading != nil {
		c.conclude(cause, now)
	}
	if c.tunnel != nil {
		c.endTunnel(cause, now)
	}
	c.settled = true
	c.leave()
}

// conclude reports what was read and has not been reported.
func (c *Conversation) conclude(cause Cause, now time.Time) {
	c.resolve(now)
	c.answered(now)
	if c.tunnel == nil && !c.opaque {
		c.adopt(now)
	}
	if c.seek != nil {
		c.turnOpaque(now)
	}
	if cause == CauseServerReset {
		c.noise = bytes.Clone(c.down.Partial()[:min(len(c.down.Partial()), MaxRecorded)])
	}
	c.abandon(cause, now)
	if !c.opaque && c.tunnel == nil && c.up.Flaw != 0 && c.up.Flaw != FlawHeadUnfinished {
		c.common.Counts.Opaque.Add(1) // it would have been behind an answer that never came
	}
}

// Due is when Tick has something to do; the zero time if never.
func (c *Conversation) Due() time.Time {
	return earlier(c.reading.due(), c.tunnel.next())
}

// Tick reports what is due at that time.
func (c *Conversation) Tick(now time.Time) {
	isDue := func(at time.Time) bool { return !at.IsZero() && !now.Before(at) }
	if c.settled {
		return
	}
	if c.reading != nil && isDue(c.answerDue) {
		c.answered(now)
	}
	if isDue(c.tunnel.next()) {
		c.reportTunnel(now)
	}
	if c.reading != nil {
		if isDue(c.nextDue) {
			c.resolve(now)
		}
		c.reportSilent(now)
		if c.seek != nil && isDue(c.seek.due) {
			c.turnOpaque(now)
		}
		c.leave()
	}
}

// emit reports the exchange as it is known now. What is handed out is a copy, so that it never changes.
func (c *Conversation) emit(x *Exchange) {
	x.Final = x.Final || x.Complete && x.Outcome != Switched && x.Outcome != Silent && x != c.refused
	copied := *x
	x.Revision++
	if copied.Revision == 0 {
		c.common.Counts.Upgrades.Add(1)
	}
	if c.common.Emit != nil {
		c.common.Emit(&copied)
	}
}

// begin makes the exchange of a request, which is empty where there was none.
func (c *Conversation) begin(q *Request, started, now time.Time) *Exchange {
	x := c.blank(started)
	x.Request = q
	if c.common.Alter != nil && len(q.Raw) > 0 {
		if far := c.common.Alter(q.Raw); far != nil {
			x.Far = ReadRequest(far)
		}
	}
	if c.common.NewID != nil {
		x.ID = c.common.NewID(now)
	}
	return x
}

// blank makes an exchange with nothing in it but what all of the connection have in common.
func (c *Conversation) blank(started time.Time) *Exchange {
	k := c.common
	return &Exchange{
		Origin: k.Origin, Probe: k.Probe, Controls: k.Controls, Route: k.Route, Client: k.Client, Backend: k.Backend,
		ClientTLS: k.ClientTLS, BackendTLS: k.BackendTLS, Altered: k.Altered, Time: started,
		Complete: true,
	}
}

// answered reports the exchange whose response has come to its end, or is not waited for any longer.
func (c *Conversation) answered(now time.Time) {
	if c.answering == nil {
		return
	}
	c.emit(c.answering)
	c.answering, c.answerDue = nil, time.Time{}
}

// turnOpaque gives up on the connection. Requests without an answer will not be paired with one.
func (c *Conversation) turnOpaque(now time.Time) {
	if c.opaque {
		return
	}
	c.opaque = true
	if c.nextDue.IsZero() {
		c.resolve(now)
	}
	c.answered(now)
	c.up.Stop()
	c.down.Stop()
	c.headSince = time.Time{}
	if c.seek != nil {
		c.noise, c.seek = c.seek.noise(len(c.seek.bytes)), nil
	}
	for !c.ring.empty() {
		q := c.ring.pop()
		if q.keep() {
			x := c.exchange(&q, now)
			x.Outcome, x.Final, x.Interim, x.Noise = Opaque, true, c.interim, c.noise
			c.emit(x)
		}
		c.interim = nil
	}
	c.release()
	c.common.Counts.Opaque.Add(1)
}

// abandon reports the requests that will get no answer any more.
func (c *Conversation) abandon(cause Cause, now time.Time) {
	for !c.ring.empty() {
		q := c.ring.pop()
		if !q.keep() {
			continue
		}
		x := c.exchange(&q, now)
		x.Cause, x.Final, x.Noise, c.noise = cause, true, c.noise, nil
		if cause.Local() {
			x.Outcome = Local
		} else if x.Outcome != Silent {
			x.Outcome = Closed
		}
		c.emit(x)
	}
	c.inBody = false
	c.release()
}
