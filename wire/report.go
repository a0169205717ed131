package wire

import (
	"bytes"
	"slices"
	"time"
)

// emit reports the exchange as it is known so far. It hands out a copy, which never changes.
func (c *Conversation) emit(x *Exchange) {
	x.Final = x.Final || x.Complete && x.Outcome != Switched && x.Outcome != Silent && !c.pending && (c.reading == nil || x != c.refused)
	copied := *x
	x.Revision++
	c.emitLast(&copied)
}

// emitLast reports the exchange and hands it out itself: nothing more happens to it.
func (c *Conversation) emitLast(x *Exchange) {
	if x.Revision == 0 {
		c.common.Counts.Upgrades.Add(1)
	}
	c.connect(x)
	if c.common.Emit != nil {
		c.common.Emit(x)
	}
}

// connect has the exchange of a stream say what is known of its connection.
func (c *Conversation) connect(x *Exchange) {
	if k := c.common.rare().connection; k != nil && x.Stream != nil {
		of := *x.Stream
		of.Connection = k.show(x.ID)
		x.Stream = &of
	}
}

// begin makes the exchange of a request, which is empty where there was none.
func (c *Conversation) begin(q *Request, started, now time.Time) *Exchange {
	x := c.blank(started)
	x.Request = q
	if c.common.Alter != nil && len(q.Raw) > 0 {
		if far := c.common.Alter.Head(q.Raw); far != nil {
			x.Far = ReadRequest(far)
		}
	}
	if c.common.NewID != nil {
		x.ID = c.common.NewID(now)
	}
	return x
}

// blank returns an exchange with only what all of the connection have in common.
func (c *Conversation) blank(started time.Time) *Exchange {
	k := c.common
	rare, altered := k.rare(), k.Altered
	if k.Alter != nil {
		altered = slices.Concat(k.Alter.Names, altered)
	}
	return &Exchange{
		Origin: k.Origin, Probe: k.Probe, Controls: k.Controls, Route: k.Route, Client: k.Client, Backend: k.Backend,
		ClientTLS: k.ClientTLS, NoSNI: k.NoSNI, BackendTLS: k.BackendTLS, TLSFlags: rare.TLSFlags, Stream: rare.Stream, Altered: altered, Time: started,
		Complete: true,
	}
}

// exchange makes the exchange of a request, or goes on with the one that was reported silent.
func (c *Conversation) exchange(q *pending, now time.Time) *Exchange {
	if q.x != nil {
		return q.x
	}
	x := c.begin(c.ring.read(q), q.began, now)
	x.BodyDone = q.end >= 0
	if q.flaw != 0 {
		x.Request.flaw(q.flaw, len(x.Request.Raw))
	}
	return x
}

// answered reports the exchange whose response has come to its end, or is not waited for any
// longer.
func (c *Conversation) answered(now time.Time) {
	if c.answering == nil {
		return
	}
	c.emit(c.answering)
	c.answering, c.answerDue = nil, time.Time{}
}

// resolve reports an offer that was not taken up for the last time, now that nothing more belongs
// to it.
func (c *Conversation) resolve(now time.Time) {
	x := c.refused
	c.refused, c.nextDue = nil, time.Time{}
	if x != nil && x != c.answering {
		c.emit(x)
	}
}

// reportSilent reports the requests that have had no answer for too long. They wait on.
func (c *Conversation) reportSilent(now time.Time) {
	if c.ring == nil {
		return
	}
	for i := c.ring.first; i < len(c.ring.queue); i++ {
		q := &c.ring.queue[i]
		if !q.keep() || q.x != nil || now.Before(q.since.Add(SilentAfter)) {
			continue
		}
		x := c.exchange(q, now)
		x.Outcome, x.Interim = Silent, c.interim
		q.x = x
		c.emit(x)
	}
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
		c.common.Counts.Opaque.Add(1) // it would have followed a response that never came
	}
}
