package wire

import "time"

// follow takes note that an offer was not taken up: what the client does next belongs to it. What it has done already is
// behind the request.
func (c *Conversation) follow(x *Exchange, now time.Time) {
	c.resolve(now)
	c.refused = x
	if n := min(len(x.Early), MaxNext); n > 0 {
		x.Next.Bytes, x.Next.HTTP = x.Early[:n], !c.ring.empty() || len(c.up.Partial()) > 0
	}
}

// next takes note of the client's first bytes behind an offer that was not taken up. If they are no HTTP, those that come
// right behind them are gathered too.
func (c *Conversation) next(p []byte, http bool, now time.Time) {
	x := c.refused
	if x == nil || len(x.Next.Bytes) > 0 {
		return
	}
	x.Next.Bytes, x.Next.HTTP = append([]byte(nil), p[:min(len(p), MaxNext)]...), http
	if !http && len(x.Next.Bytes) < MaxNext {
		c.nextDue = now.Add(LateBytesAfter)
	}
}

// gather adds bytes to those that came next.
func (c *Conversation) gather(p []byte, now time.Time) {
	if c.reading == nil || c.nextDue.IsZero() {
		return
	}
	next := &c.refused.Next.Bytes
	*next = append(*next, p[:min(len(p), MaxNext-len(*next))]...)
	if len(*next) == MaxNext {
		c.resolve(now)
	}
}

// resolve reports an offer that was not taken up for the last time, now that nothing more belongs to it.
func (c *Conversation) resolve(now time.Time) {
	x := c.refused
	c.refused, c.nextDue = nil, time.Time{}
	if x != nil && x != c.answering {
		c.emit(x)
	}
}
