package chain

import "time"

// A part is the sink as one attempt sees it. The requests with an id that it has planned are its own, and
// so are the connections on which they come.
type part struct {
	*Sink

	lines []*line // to the hop; under mu of the sink
	ended bool    // its connections may be closed; under mu of the sink
	mixed bool    // a connection of it had a request of another part too; under mu of the sink
}

// A promise is what the sink does with the request of an id, and whose that is.
type promise struct {
	plan plan
	by   *part // nil: of none
}

// plan says what the sink does with the request of that id.
func (p *part) plan(id string, does plan) { p.promise(id, promise{does, p}) }

// begin says that the attempt opens connections from now on, and no other one does.
func (p *part) begin() { p.expect(p) }

// expect says whose attempt opens connections now; nil: none.
func (s *Sink) expect(p *part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active = p
}

// empty makes sure that the hop has no connection to the sink that this attempt or an earlier one has
// used: it closes all of them, gives the hop that time to notice, and forgets the bytes received on them. Those
// of other attempts that still wait stay.
func (p *part) empty(wait time.Duration) {
	p.sweep(func(q *part) bool { return q != p && !q.ended }, wait)
}

// sweepOthers is empty, but the connections of this attempt stay as well.
func (p *part) sweepOthers(wait time.Duration) {
	p.sweep(func(q *part) bool { return !q.ended }, wait)
}

// end says that this attempt needs its connections no more. They are closed before the next one begins.
func (p *part) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
}

// isMixed reports whether a connection of this attempt had a request of another one too.
func (p *part) isMixed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mixed
}

// claim says whose a connection is, once a request of that part has come on it. The caller holds mu of
// the sink.
func (b *backend) claim(by *part) {
	switch {
	case by == nil:
	case !b.claimed:
		b.by, b.claimed = by, true
	case b.by != by:
		b.by.mixed, by.mixed = true, true
	}
}

// sweep closes the connections but those of parts to keep, gives the hop that time to notice, and
// forgets the bytes received on them. Keeps is called with mu held.
func (s *Sink) sweep(keeps func(*part) bool, wait time.Duration) {
	s.mu.Lock()
	var drop, keep []*backend
	for _, b := range s.backends {
		if b.by != nil && keeps(b.by) {
			keep = append(keep, b)
		} else {
			drop = append(drop, b)
		}
	}
	s.backends = keep
	s.mu.Unlock()
	for _, b := range drop {
		b.close()
		b.give()
	}
	time.Sleep(wait)
	s.mu.Lock()
	defer s.mu.Unlock()
	arrivals := s.arrivals[:0]
	for _, a := range s.arrivals {
		if a.backend.by != nil && keeps(a.backend.by) {
			arrivals = append(arrivals, a)
		}
	}
	clear(s.arrivals[len(arrivals):])
	s.arrivals = arrivals
	for id, p := range s.plans {
		if p.by == nil || !keeps(p.by) {
			delete(s.plans, id)
		}
	}
}
