package proxy

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/interlock-proxy/interlock/internal/errno"
	"github.com/interlock-proxy/interlock/wire"
)

// ended takes that a side has ended in good order. A driver may say so again each time it reads.
func (s *session) ended(d wire.Direction, now time.Time) (a action) {
	switch {
	case s.stage == waiting:
		return s.close(causeOf(d, io.EOF), action{})
	case s.stage == choosing:
		return s.choose(nil, now) // the driver will meet the same end again
	case s.stage == closing && d == wire.FromClient:
		s.clientOver = true
		return s.linger(action{}, now)
	case s.stage >= closing || s.ends[d] != lasts:
		return action{}
	}
	s.clientOver = s.clientOver || d == wire.FromClient
	s.talk.Ended(d, now)
	if h := s.holding; h != nil && !s.tunnel {
		switch {
		case d == wire.FromClient && h.editor != nil:
			rest := h.editor.held()
			s.talk.Wrote(d, -len(rest)) // they were counted when they came
			s.unwritten[d] += int32(len(rest))
			a.write[d] = rest
		case d == wire.FromServer && h.guard != nil:
			s.unwritten[d] += h.release(&a, d, &s.talk)
			if h.drop(d) { // a head that never came whole is nothing that anybody has judged
				s.cause.set(wire.CauseServer)
			}
		}
	}
	s.half(d, finishes, causeOf(d, io.EOF), now)
	return s.settle(a, now)
}

// broke takes that a side cannot be read any more: the other side is broken too.
func (s *session) broke(d wire.Direction, err error, now time.Time) (a action) {
	switch {
	case s.stage == choosing:
		return s.choose(nil, now)
	case s.stage == closing && d == wire.FromClient:
		s.clientOver = true
		return s.linger(action{}, now)
	case s.stage >= closing || s.stage == carrying && s.ends[d] != lasts:
		return action{}
	}
	var refusal *tlsRefusal
	if errors.As(err, &refusal) {
		s.cause = firstCause(wire.CauseDial) // whatever became of the bytes that were on their way
		return s.reply(wire.CauseDial, "502 Bad Gateway", fmt.Sprintf("cannot reach backend %q: %v", s.common.Backend, err), now)
	}
	if d == wire.FromServer && s.holding.holds(d) {
		s.cause.set(wire.CauseServer)
	}
	if s.stage != waiting && !errors.Is(err, net.ErrClosed) {
		a.also = resetting(d)
	}
	s.lost = s.lost || s.cause == "" && isLost(err)
	return s.close(causeOf(d, err), a)
}

// unwritable takes that the bytes of a direction cannot be written any more: it stops, and the
// other one runs to its end.
func (s *session) unwritable(d wire.Direction, err error, now time.Time) action {
	switch {
	case s.stage == closing && d == wire.FromServer:
		return s.close("", action{})
	case s.stage >= closing:
		return action{}
	}
	s.unwritten[d] = 0
	s.holding.drop(d)
	s.lost = s.lost || s.cause == "" && isLost(err)
	s.half(d, broken, causeOf(1-d, err), now)
	return s.settle(action{}, now)
}

// half records that one direction carries nothing any more: the other one has limited time from
// here on.
func (s *session) half(d wire.Direction, how ending, cause wire.Cause, now time.Time) {
	s.ends[d] = how
	s.cause.set(cause)
	s.talk.Ending(now)
	s.lastByte = s.terms.moment(now)
	s.restless = true
	if d == wire.FromServer && s.holding.drop(wire.FromClient) { // what they wait for is never decided
		s.ends[wire.FromClient] = broken
	}
}

// settle has a direction that has ended end on its other side too, once all of it is written. When
// both have, the session is over, and the end of the connection says so to a side that was not
// told.
func (s *session) settle(a action, now time.Time) action {
	if s.stage != carrying {
		return a
	}
	over := true
	for d := range wire.Direction(2) {
		if s.ends[d] == finishes && s.unwritten[d] == 0 && !s.holding.holds(d) {
			s.ends[d] = finished
			a.also |= finishing(d)
		}
		over = over && s.ends[d] >= finished
	}
	if over {
		return s.hangUp(a, "", now)
	}
	return a
}

// hangUp ends the connection to the backend. The client gets what is left for it, and then an
// answer of our own.
func (s *session) hangUp(a action, answer string, now time.Time) action {
	s.stage, s.restless, s.left = closing, true, lingerBytes
	s.deadline = s.terms.moment(now.Add(lingerFor))
	s.unwritten[wire.FromClient], a.write[wire.FromClient] = 0, nil
	a.also |= hangUp
	if answer != "" {
		a.pass(wire.FromServer, []byte(answer))
		s.answer = int32(len(answer))
		s.unwritten[wire.FromServer] += s.answer
	}
	return s.linger(a, now)
}

// linger lets a client that still sends see what it was sent last: a socket that is closed with
// bytes unread resets the connection, and that may overtake them.
func (s *session) linger(a action, now time.Time) action {
	switch {
	case s.unwritten[wire.FromServer] > 0:
		return a
	case s.clientOver:
		return s.close("", a)
	case s.ends[wire.FromServer] != finished:
		s.ends[wire.FromServer] = finished
		a.also |= finishClient
	}
	s.deadline = s.terms.moment(now.Add(lingerFor))
	return a
}

// drain ends the session when it comes to rest.
func (s *session) drain(now time.Time) action {
	s.draining, s.restless = true, true
	return s.rest(wire.CauseDrain, now)
}

// rest ends a session on which no request is under way: the client is told so, and has a moment to
// see it.
func (s *session) rest(why wire.Cause, now time.Time) action {
	if s.stage >= closing || !s.talk.Resting() {
		return action{}
	}
	s.cause.set(why)
	return s.hangUp(action{}, "", now)
}

// close ends the session, whatever is under way.
func (s *session) close(cause wire.Cause, a action) action {
	if s.stage == closed {
		return action{}
	}
	s.cause.set(cause)
	s.stage = closed
	a.write = [2][]byte{}
	a.also |= closeBoth
	return a
}

// A firstCause is the first of the causes that were set; "" while none was.
type firstCause wire.Cause

func (c *firstCause) set(cause wire.Cause) {
	if *c == "" {
		*c = firstCause(cause)
	}
}

// causeOf tells who ended a direction, by the error of the peer at its end; "" where we did so
// ourselves.
func causeOf(peer wire.Direction, err error) wire.Cause {
	switch {
	case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
		return ""
	case errors.Is(err, io.EOF) && peer == wire.FromClient:
		return wire.CauseClient
	case errors.Is(err, io.EOF):
		return wire.CauseServer
	case peer == wire.FromClient:
		return wire.CauseClientReset
	}
	return wire.CauseServerReset
}

// isLost reports whether a connection has broken because the peer did not answer any more, and not
// because it said so.
func isLost(err error) bool {
	return errors.Is(err, errno.ETIMEDOUT) || errors.Is(err, errno.EHOSTUNREACH) || errors.Is(err, errno.ENETUNREACH)
}
