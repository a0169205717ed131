package proxy

import (
	"sync"
	"time"
)

// arm has the driver tick earlier, if something may be due before it would. A connection has one
// time for everything, the earliest. As most of what was due is done by then, a tick mostly finds
// nothing to do, and an ordinary exchange sets no timer at all.
func (c *conn) arm() {
	due := c.session.due()
	if due.IsZero() {
		return
	}
	at := c.relay.terms.moment(due)
	if c.tickAt != 0 && at >= c.tickAt {
		return
	}
	c.tickAt = at
	c.driver.wake(at)
}

// tick lets the session do what is due, and has the driver tick again. A connection with nothing to
// wait for keeps no timer.
func (c *conn) tick(now time.Time) action {
	c.tickAt = 0
	a := c.session.tick(now)
	if c.arm(); c.tickAt == 0 {
		c.driver.wake(0)
	}
	return a
}

// stopClock has the driver tick no more. The session is over, so nothing sets it again.
func (c *conn) stopClock() {
	c.tickAt = 0
	c.driver.wake(0)
}

// wait is how long it is until a moment.
func (t *terms) wait(at moment) time.Duration { return max(time.Until(t.add(at, 0)), 0) }

// A clock is the timer of a connection that goroutines drive.
type clock struct {
	timer *time.Timer    // nil: it is not set
	ticks sync.WaitGroup // the one that is pending or running
}

// set has ring called after that time, and not at an earlier one that was set.
func (c *clock) set(wait time.Duration, ring func()) {
	switch {
	case c.timer == nil:
		c.ticks.Add(1)
		c.timer = time.AfterFunc(wait, func() {
			defer c.ticks.Done()
			ring()
		})
	case !c.timer.Reset(wait):
		c.ticks.Add(1)
	}
}

// stop ends the timer. What it has started may still be running.
func (c *clock) stop() {
	if c.timer != nil && c.timer.Stop() {
		c.ticks.Done()
	}
	c.timer = nil
}
