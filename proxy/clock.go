package proxy

import (
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// clock is the one timer of a connection. It is set to the earliest time at which something may be due and, as most of what
// was due is done by then, mostly finds nothing to do and is set anew: so an ordinary exchange costs no timer at all.
type clock struct {
	timer    *time.Timer    // nil: it is not set
	ticks    sync.WaitGroup // the one that is pending or running
	began    moment
	dialling moment // since when the carrier waits for the backend; zero if it does not
	at       moment // when it fires; zero if it does not
	over     bool   // it is not set any more
}

// A moment is how long after the start of the relay something is, by a clock that nobody sets; zero: never.
type moment time.Duration

func (r *Relay) moment(t time.Time) moment { return moment(max(t.Sub(r.began), 1)) }

// add is the time so long after a moment.
func (r *Relay) add(m moment, d time.Duration) time.Time { return r.began.Add(time.Duration(m) + d) }

func (c *conn) startClock() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.clock.began = c.relay.moment(now)
	c.arm(now)
}

// stopClock ends the timer and waits for what it started.
func (c *conn) stopClock() {
	c.mu.Lock()
	c.clock.over = true
	if c.clock.timer != nil && c.clock.timer.Stop() {
		c.clock.ticks.Done()
	}
	c.mu.Unlock()
	c.clock.ticks.Wait()
}

// due is when the connection has something to do although no byte comes; the zero time if never.
func (c *conn) due() time.Time {
	due := c.talk.Due()
	sooner := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	if !c.spoken {
		sooner(c.relay.add(c.clock.began, c.relay.Limits.FirstByte))
	}
	if since := c.talk.HeadSince(); !since.IsZero() {
		sooner(since.Add(c.relay.Limits.Head))
	}
	if c.halfClosed.Load() {
		sooner(c.relay.add(moment(c.lastByte.Load()), c.relay.Limits.HalfClosed))
	}
	if c.clock.dialling != 0 {
		sooner(c.relay.add(c.clock.dialling, c.relay.Limits.Dial))
	}
	return due
}

// arm sets the timer if it would fire too late. The lock is held.
func (c *conn) arm(now time.Time) {
	due := c.due()
	if c.clock.over || due.IsZero() {
		return
	}
	at := c.relay.moment(due)
	if c.clock.at != 0 && at >= c.clock.at {
		return
	}
	c.clock.at = at
	wait := max(due.Sub(now), 0)
	switch {
	case c.clock.timer == nil:
		c.clock.ticks.Add(1)
		c.clock.timer = time.AfterFunc(wait, c.tick)
	case !c.clock.timer.Reset(wait):
		c.clock.ticks.Add(1)
	}
}

// tick does what is due. A connection with nothing to wait for keeps no timer.
func (c *conn) tick() {
	defer c.clock.ticks.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.clock.at = 0
	c.talk.Tick(now)
	if !c.closing {
		c.overdue(now)
	}
	if c.clock.at == 0 && c.clock.timer != nil {
		if c.clock.timer.Stop() { // it was set again, before another tick
			c.clock.ticks.Done()
		}
		c.clock.timer = nil
	}
}

// overdue does what is due but for the conversation, and sets the timer anew. The lock is held.
func (c *conn) overdue(now time.Time) {
	r, limits := c.relay, &c.relay.Limits
	past := func(m moment, limit time.Duration) bool { return !now.Before(r.add(m, limit)) }
	switch since := c.talk.HeadSince(); {
	case !c.spoken && past(c.clock.began, limits.FirstByte):
		c.timeOut("no byte in time")
	case !since.IsZero() && !now.Before(since.Add(limits.Head)):
		c.timeOut("head not complete in time")
	case c.halfClosed.Load() && past(moment(c.lastByte.Load()), limits.HalfClosed):
		c.timeOut("half-closed for too long")
	case c.clock.dialling != 0 && past(c.clock.dialling, limits.Dial):
		c.clock.dialling = 0
		c.lane.tell(toGiveUp)
		c.arm(now)
	default:
		c.arm(now)
	}
}

// timeOut ends the connection without an answer. The lock is held.
func (c *conn) timeOut(what string) {
	c.relay.Log.Info().Str("client", c.common.Client).Str("err", what).Msg("connection timed out")
	c.endLocked(wire.CauseTimeout)
	c.closeBoth()
}

// An order is what a carrier is told to do with a lane; a later one takes the place of an earlier one.
type order uint8

const (
	toGiveUp order = iota + 1 // waiting for the backend
	toFinish                  // what the client sends goes nowhere, and it is told that nothing more comes
	toClose                   // both sides
)

// closeBoth makes both pumps, or the carrier, stop. The lock is held.
func (c *conn) closeBoth() {
	c.closing = true
	if c.lane != nil {
		c.lane.tell(toClose)
		return
	}
	if c.gate != nil {
		c.gate.opened.Broadcast()
	}
	if c.giveUp != nil {
		c.giveUp()
	}
	c.client.Close()
	if c.backend != nil {
		c.backend.Close()
	}
}
