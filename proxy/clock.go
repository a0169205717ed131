package proxy

import (
	"sync"
	"time"
)

// A clock is the one timer of a connection. It is set to the earliest time at which something may
// be due and, as most of what was due is done by then, mostly finds nothing to do and is set anew:
// so an ordinary exchange costs no timer at all.
type clock struct {
	timer *time.Timer    // nil: it is not set
	ticks sync.WaitGroup // the one that is pending or running
	at    moment         // when it fires; zero if it does not
}

// arm sets the timer if it would fire too late.
func (c *conn) arm(now time.Time) {
	due := c.session.due()
	if due.IsZero() {
		return
	}
	at := c.relay.terms.moment(due)
	if c.clock.at != 0 && at >= c.clock.at {
		return
	}
	c.clock.at = at
	wait := max(due.Sub(now), 0)
	switch {
	case c.clock.timer == nil:
		c.clock.ticks.Add(1)
		c.clock.timer = time.AfterFunc(wait, c.ring)
	case !c.clock.timer.Reset(wait):
		c.clock.ticks.Add(1)
	}
}

// ring has the driver do what is due.
func (c *conn) ring() {
	defer c.clock.ticks.Done()
	c.driver.tell(toTick)
}

// tick lets the session do what is due, and sets the timer anew. A connection with nothing to wait
// for keeps none.
func (c *conn) tick(now time.Time) action {
	c.clock.at = 0
	a := c.session.tick(now)
	c.arm(now)
	if c.clock.at == 0 && c.clock.timer != nil {
		if c.clock.timer.Stop() { // it was set again, before another tick
			c.clock.ticks.Done()
		}
		c.clock.timer = nil
	}
	return a
}

// stopClock ends the timer. The session is over, so nothing sets it again. What it has started may
// still be running.
func (c *conn) stopClock() {
	if c.clock.timer != nil && c.clock.timer.Stop() {
		c.clock.ticks.Done()
	}
	c.clock.timer = nil
}
