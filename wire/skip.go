package wire

import "time"

// Skippable is how many of the bytes that come next in that direction need not be fed, because they are content of known
// length that nobody wants to see; 0 where bytes must be fed. What is fed or skipped in either direction may change it.
func (c *Conversation) Skippable(d Direction) int64 {
	switch {
	case c.settled || c.opaque || c.tunnel != nil || c.reading == nil:
		return 0
	case d == FromServer && c.common.Content && c.answering != nil && len(c.answering.Content) < MaxContent:
		return 0
	case d == FromClient && c.early.open && len(c.early.bytes) < MaxRecorded:
		return 0
	case d == FromServer:
		return c.down.skippable()
	}
	return c.up.skippable()
}

// Skip takes note of n such bytes, at most Skippable, that went by without being fed. What they complete is reported before
// it returns, as by Feed.
func (c *Conversation) Skip(d Direction, n int64, now time.Time) {
	if n = min(n, c.Skippable(d)); n <= 0 {
		return
	}
	c.fed[d] += n
	switch {
	case d == FromServer && c.down.skip(n):
		c.answered(now)
	case d == FromClient && c.up.skip(n):
		c.requestEnd(c.fed[d])
	}
}

// skippable is how many bytes come next that are content of known length.
func (s *Scanner) skippable() int64 {
	if s.state != scanLength {
		return 0
	}
	return s.remain
}

// skip steps over n of them. It tells whether the message has ended with them.
func (s *Scanner) skip(n int64) (ended bool) {
	if s.remain -= n; s.remain > 0 {
		return false
	}
	s.state = scanHead
	return true
}
