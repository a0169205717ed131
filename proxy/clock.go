package proxy

import (
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// clock is the one timer of a connection. It is set to the earliest time at which something may be due and, as most of what
// was due is done by then, mostly finds nothing to do and is set anew: so an ordinary exchange costs no timer at all.
type clock struct {
	began time.Time
	timer *time.Timer
	at    time.Time      // when it fires; zero if it does not
	over  bool           // it is not set any more
	ticks sync.WaitGroup // the one that is pending or running
}

func (c *conn) startClock() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock.began = time.Now()
	c.arm(c.clock.began)
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
		sooner(c.clock.began.Add(c.relay.Limits.FirstByte))
	}
	if since := c.talk.HeadSince(); !since.IsZero() {
		sooner(since.Add(c.relay.Limits.Head))
	}
	if c.halfClosed.Load() {
		sooner(time.Unix(0, c.lastByte.Load()).Add(c.relay.Limits.HalfClosed))
	}
	if !c.dialling.IsZero() {
		sooner(c.dialling.Add(c.relay.Limits.Dial))
	}
	return due
}

// arm sets the timer if it would fire too late. The lock is held.
func (c *conn) arm(now time.Time) {
	due := c.due()
	if c.clock.over || due.IsZero() || !c.clock.at.IsZero() && !due.Before(c.clock.at) {
		return
	}
	c.clock.at = due
	wait := max(due.Sub(now), 0)
	switch {
	case c.clock.timer == nil:
		c.clock.ticks.Add(1)
		c.clock.timer = time.AfterFunc(wait, c.tick)
	case !c.clock.timer.Reset(wait):
		c.clock.ticks.Add(1)
	}
}

// tick does what is due.
func (c *conn) tick() {
	defer c.clock.ticks.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.clock.at = time.Time{}
	c.talk.Tick(now)
	if c.closing {
		return
	}
	limits := &c.relay.Limits
	switch since := c.talk.HeadSince(); {
	case !c.spoken && !now.Before(c.clock.began.Add(limits.FirstByte)):
		c.timeOut("no byte in time")
	case !since.IsZero() && !now.Before(since.Add(limits.Head)):
		c.timeOut("head not complete in time")
	case c.halfClosed.Load() && !now.Before(time.Unix(0, c.lastByte.Load()).Add(limits.HalfClosed)):
		c.timeOut("half-closed for too long")
	case !c.dialling.IsZero() && !now.Before(c.dialling.Add(limits.Dial)):
		c.dialling = time.Time{}
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
	if c.gate != nil {
		c.gate.opened.Broadcast()
	}
	if c.giveUp != nil {
		c.giveUp()
	}
	if c.lane != nil {
		c.lane.tell(toClose)
		return
	}
	c.client.Close()
	if c.backend != nil {
		c.backend.Close()
	}
}
