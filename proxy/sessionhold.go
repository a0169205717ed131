package proxy

import (
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// hold is what the session holds; from here on, that is something.
func (s *session) hold() *holding {
	if s.holding == nil {
		s.holding = &holding{pool: s.terms.pool}
	}
	return s.holding
}

// restrain readies the session for its backend, which is known for good: with the guard, if it has
// one, or without anything that holds it up, if nothing has to.
func (s *session) restrain() {
	if s.backend.Guard != nil && !s.sealed {
		s.hold().guard = s.backend.Guard
		s.common.Altered = append(s.common.Altered, "guard")
		emit := s.common.Emit
		s.common.Emit = func(x *wire.Exchange) {
			if s.weigh(x) {
				s.cause.set(wire.CauseBlocked)
				s.talk.Block(x)
			}
			if emit != nil {
				emit(x)
			}
		}
	}
	if s.holding != nil && s.editor == nil && s.guard == nil {
		s.holding = nil
	}
}

// carryHeld passes on what was read, as edited, as far as the guard lets it.
func (s *session) carryHeld(d wire.Direction, p []byte, now time.Time) (a action) {
	h, out := s.holding, p
	edits := h.editor != nil && d == wire.FromClient
	undecided := edits && s.talk.Undecided()
	s.see(d, p, now)
	if edits {
		out = h.editor.edit(p, undecided, s.tunnel)
		s.talk.Wrote(d, len(p)-len(out))
	}
	switch {
	case s.talk.Multiplexed() && h.guard != nil:
		if h.let = true; s.talk.Stopped() {
			s.terms.say(s, notice{event: eventBlocked, text: "HTTP/2 that cannot be read"})
			h.blocked = errUnread
		}
		if h.isCut() {
			return cut(s, now)
		}
	case h.isCut():
		return cut(s, now)
	}
	if h.guard == nil {
		s.unwritten[d] += int32(len(out))
		a.write[d] = out
		return a
	}
	h.fed[d] += int64(len(p))
	if s.stage != carrying {
		h.held[d] = append(h.held[d], out...)
		return a
	}
	if len(h.held[d]) == 0 && !(d == wire.FromClient && s.talk.Unreadable()) {
		n := h.passable(d, len(out), &s.talk)
		s.unwritten[d] += int32(n)
		a.write[d], out = out[:n:n], out[n:]
	}
	h.held[d] = append(h.held[d], out...)
	return s.letPass(a, d, now)
}

// cut ends a tunnel that was let through, or a connection of HTTP/2, in which nothing can be withheld.
func cut(s *session, now time.Time) action {
	s.cause.set(wire.CauseBlocked)
	if s.talk.Multiplexed() { // what other streams have got so far still arrives
		return s.hangUp(action{}, "", now)
	}
	return s.close("", action{})
}

// letPass lets through what may pass by now that something has come from one side, or ends the
// session where nothing may pass any more.
func (s *session) letPass(a action, from wire.Direction, now time.Time) action {
	h := s.holding
	if from == wire.FromServer {
		s.unwritten[from] += h.release(&a, from, &s.talk)
		why := ""
		switch {
		case h.blocked != nil:
			why = h.blocked.Error()
		case s.talk.Stopped():
			why = "what came cannot be read"
		}
		if why != "" {
			s.cause.set(wire.CauseBlocked)
			return s.hangUp(a, localAnswer("502 Bad Gateway", "blocked: "+why), now)
		}
		h.let = s.tunnel || s.talk.Multiplexed()
	}
	if h.holds(wire.FromClient) && s.talk.Unreadable() {
		const why = "the request cannot be read"
		s.cause.set(wire.CauseBlocked)
		s.terms.say(s, notice{event: eventBlocked, text: why})
		return s.hangUp(a, localAnswer("400 Bad Request", "blocked: "+why), now)
	}
	s.unwritten[wire.FromClient] += h.release(&a, wire.FromClient, &s.talk)
	if s.ends[wire.FromServer] != lasts && h.drop(wire.FromClient) { // nothing more is decided
		s.ends[wire.FromClient] = broken
	}
	return s.settle(a, now)
}
