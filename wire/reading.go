package wire

import "time"

// A reading is what a connection needs for as long as HTTP is read on it. A nil reading has nothing under way.
type reading struct {
	up, down Scanner
	ring     *ring // requests without an answer
	early    earlyWindow

	headSince time.Time // when the request head that is incomplete began
	answering *Exchange // the refused or ignored one whose response is not over
	answerDue time.Time
	refused   *Exchange // the last offer that was not taken up, until it is known what the client does next
	nextDue   time.Time // what comes until then still belongs to that; zero if nothing does
	interim   []*Response
	inBody    bool    // the client's content under way belongs to the last request of the ring
	seek      *seeker // what the server sends cannot be read on; nil while it can
	noise     []byte  // what stood in front of the 101 that was found in it
	peek      peek    // at content that may begin with a 101
}

// borrow takes the memory that reading needs.
func (c *Conversation) borrow() {
	if c.reading == nil {
		pool := c.common.Pool
		c.reading = pool.reading()
		c.up.Side, c.up.Pool = FromClient, pool
		c.down.Side, c.down.Pool = FromServer, pool
	}
	if c.ring == nil {
		c.ring = c.common.Pool.ring()
	}
}

// giveBack returns the ring when no request is without an answer.
func (c *Conversation) giveBack() {
	if c.ring != nil && c.ring.empty() {
		c.release()
	}
}

// release gives back the memory that only requests without an answer need.
func (c *Conversation) release() {
	if c.ring != nil {
		c.common.Pool.putRing(c.ring)
		c.ring = nil
	}
	c.early, c.interim = earlyWindow{}, nil
}

// leave gives back all of it, once nothing is read any more and nothing that was read is still to be reported.
func (c *Conversation) leave() {
	over := c.settled || c.opaque || c.tunnel != nil && c.tunnel.started[FromClient]
	if c.reading == nil || !over || c.refused != nil || c.answering != nil {
		return
	}
	c.unread = c.Unread()
	c.release()
	c.up.Stop()
	c.down.Stop()
	c.common.Pool.putReading(c.reading)
	c.reading = nil
}

// resting tells whether no request is without an answer and no message unfinished.
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
