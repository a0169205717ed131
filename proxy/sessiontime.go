package proxy

import (
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// due is when the session has something to do although no byte comes; the zero time if never.
func (s *session) due() time.Time {
	due := s.talk.Due()
	sooner := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	if s.stage == closed {
		return time.Time{}
	}
	if s.deadline != 0 {
		sooner(s.terms.add(s.deadline, 0))
	}
	if s.stage == closing {
		return due
	}
	if !s.spoken {
		sooner(s.terms.add(s.began, s.terms.limits.FirstByte))
	}
	if since := s.talk.HeadSince(); !since.IsZero() {
		sooner(since.Add(s.terms.limits.Head))
	}
	if s.lastByte != 0 {
		sooner(s.terms.add(s.lastByte, s.terms.limits.HalfClosed))
	}
	return due
}

// tick does what is due.
func (s *session) tick(now time.Time) (a action) {
	if s.stage == closed {
		return action{}
	}
	s.talk.Tick(now)
	limits := s.terms.limits
	past := func(m moment, limit time.Duration) bool { return m != 0 && !now.Before(s.terms.add(m, limit)) }
	since, late := s.talk.HeadSince(), ""
	switch {
	case s.holding.isCut() && s.stage != closing:
		return cut(s, now)
	case s.stage == closing:
		if past(s.deadline, 0) {
			s.terms.say(s, notice{event: eventStays})
			return s.close("", action{})
		}
	case !s.spoken && past(s.began, limits.FirstByte):
		late = "no byte in time"
	case !since.IsZero() && !now.Before(since.Add(limits.Head)):
		late = "head not complete in time"
	case past(s.lastByte, limits.HalfClosed):
		late = "half-closed for too long"
	case s.stage == choosing && past(s.deadline, 0):
		return s.choose(nil, now)
	case s.stage == dialling && past(s.deadline, 0):
		s.deadline = 0
		a.also = giveUp
	}
	if late != "" { // it ends without an answer
		s.terms.say(s, notice{event: eventTimedOut, text: late})
		return s.close(wire.CauseTimeout, action{})
	}
	return a
}
