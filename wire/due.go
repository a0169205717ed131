package wire

import "time"

// Due is when Tick has something to do; the zero time if never.
func (c *Conversation) Due() time.Time {
	return earlier(earlier(c.reading.due(), c.tunnel.next()), c.multiplex().next())
}

// Tick reports what is due at that time.
func (c *Conversation) Tick(now time.Time) {
	isDue := func(at time.Time) bool { return !at.IsZero() && !now.Before(at) }
	if c.settled {
		return
	}
	c.multiplex().tick(now)
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

// due is when something that was read is to be reported; the zero time if never.
func (r *reading) due() time.Time {
	if r == nil {
		return time.Time{}
	}
	due := earlier(earlier(r.ring.silentDue(), r.answerDue), r.nextDue)
	if r.seek != nil {
		due = earlier(due, r.seek.due)
	}
	return due
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
