package proxy

import (
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A session decides what becomes of the bytes of one connection. It has no socket, no clock and no
// goroutine. Its driver tells it what happens, and when, and does what the session returns. It must
// not be used by two goroutines at the same time.
//
// The methods stand in the files by what they are about: sessionopen.go has the way to the backend,
// sessionhold.go what is held back and edited, sessionend.go how the connection ends,
// sessiontime.go what is due at a time.
type session struct {
	terms   *terms
	routes  *routeTable
	backend *Backend // where the connection goes
	common  wire.Common
	arrived claim // the client's connection
	record
	*holding // nil if nothing is held back or edited

	cause     firstCause // what ended the connection
	began     moment
	lastByte  moment   // when a byte came; zero until one direction has ended
	deadline  moment   // of the stage; zero: it has none
	unwritten [2]int32 // by direction: bytes to be written that the driver has not written yet
	answer    int32    // how many of the client's are our own; they are the last
	left      int32    // how much more of the client is read once the stage is closing

	stage      stage
	ends       [2]ending // by direction
	spoken     bool      // a byte has come
	draining   bool      // it ends when it comes to rest
	once       bool      // so it does after the first answer
	restless   bool      // a byte that is written may be the last one
	clientOver bool      // nothing more comes from the client
}

// terms are what the sessions of a relay have in common.
type terms struct {
	limits *Limits
	pool   *wire.Pool
	began  time.Time // with a monotonic reading
	isOwn  func(claim) bool
	say    func(*session, notice)
}

// A notice is something that the operator should hear of.
type notice struct {
	event string // one of those in log.go
	cause wire.Cause
	text  string
}

// A moment is how long after the start of the relay something is, by a clock that nobody sets;
// zero: never.
type moment time.Duration

func (t *terms) moment(at time.Time) moment { return moment(max(at.Sub(t.began), 1)) }

// add is the time so long after a moment.
func (t *terms) add(m moment, d time.Duration) time.Time { return t.began.Add(time.Duration(m) + d) }

// A stage is how far a session has come.
type stage uint8

const (
	waiting  stage = iota // for the client's first byte
	choosing              // the head is incomplete that says which backend it is
	dialling              // the connection to the backend comes about
	carrying
	closing // the client gets what is left for it, and what it sends goes nowhere
	closed
)

// An ending is how far the end of a direction has come.
type ending uint8

const (
	lasts    ending = iota
	finishes        // nothing more comes; what has come is still to be written
	finished        // and the peer was told so
	broken          // nothing more can be passed on
)

// An action is what a driver does after an input, in this order; the zero action is nothing. If it
// dials, it first connects to the backend and then writes. What is to be written stays valid until
// the memory of the input is used again.
type action struct {
	write [2][]byte // by direction: bytes to be written after those that are not written yet
	also  deeds
}

// deeds are what an action may hold besides bytes.
type deeds uint8

const (
	dialBackend   deeds = 1 << iota // connect to the backend, and say so by dialled
	giveUp                          // end an attempt to connect, and say so by dialled
	finishBackend                   // tell the backend that nothing more comes
	finishClient                    // tell the client that nothing more comes
	resetBackend
	resetClient
	hangUp    // close the connection to the backend, or end the attempt to have one
	closeBoth // the session is over
)

// finishing and resetting are the deeds by direction.
func finishing(d wire.Direction) deeds { return finishBackend << d }
func resetting(d wire.Direction) deeds { return resetBackend << d }

// pass adds bytes to those that are to be written.
func (a *action) pass(d wire.Direction, p []byte) {
	if len(a.write[d]) == 0 {
		a.write[d] = p
		return
	}
	a.write[d] = append(a.write[d][:len(a.write[d]):len(a.write[d])], p...)
}

// open readies a session for a connection that has been accepted, and goes by those routes.
func (s *session) open(t *terms, routes *routeTable, common wire.Common, now time.Time) {
	s.terms, s.routes, s.common = t, routes, common
	s.common.Pool = t.pool
	s.began = t.moment(now)
	s.toward(routes.backend)
	s.talk.Open(&s.common)
}

// wants reports whether the driver may read that side. A driver that has read before it asked may
// bring the bytes.
func (s *session) wants(d wire.Direction) bool {
	switch s.stage {
	case waiting, choosing:
		return d == wire.FromClient
	case carrying:
		return s.ends[d] == lasts && (d == wire.FromServer || !s.holding.holds(d))
	case closing:
		return d == wire.FromClient && !s.clientOver
	}
	return false
}

// read takes what was read of one side.
func (s *session) read(d wire.Direction, p []byte, now time.Time) action {
	switch {
	case s.stage == carrying && s.ends[d] == lasts:
		return s.carry(d, p, now)
	case d == wire.FromServer || s.stage == carrying:
		return action{}
	case s.stage <= choosing:
		return s.first(p, now)
	case s.stage == dialling:
		return s.carry(d, p, now)
	case s.stage == closing:
		if s.left -= int32(len(p)); s.left <= 0 {
			return s.close("", action{})
		}
	}
	return action{}
}

// carry passes on what was read, or as much of it as may be.
func (s *session) carry(d wire.Direction, p []byte, now time.Time) (a action) {
	if s.lastByte != 0 {
		s.lastByte = s.terms.moment(now)
	}
	s.spoken = true
	if s.holding != nil && !s.tunnel {
		return s.carryHeld(d, p, now)
	}
	s.see(d, p, now)
	if s.holding.isCut() {
		return cut(s, now)
	}
	s.unwritten[d] += int32(len(p))
	a.write[d] = p
	return a
}

// splice is how many bytes of that side the driver may pass on next without showing them; 0: none.
func (s *session) splice(d wire.Direction) int64 {
	if s.stage != carrying || s.ends[d] != lasts || s.holding != nil && !s.tunnel {
		return 0
	}
	return s.skippable(d)
}

// spliced takes that the driver has taken such bytes from that side. They are to be written.
func (s *session) spliced(d wire.Direction, n int, now time.Time) {
	if s.lastByte != 0 {
		s.lastByte = s.terms.moment(now)
	}
	s.unwritten[d] += int32(n)
	s.skip(d, n, now)
}

// wrote takes how many of the bytes were written that were to be.
func (s *session) wrote(d wire.Direction, n int, now time.Time) action {
	theirs := n
	if d == wire.FromServer && s.answer > 0 {
		theirs = max(min(n, int(s.unwritten[d]-s.answer)), 0)
	}
	s.unwritten[d] -= int32(n)
	s.talk.Wrote(d, theirs)
	switch {
	case !s.restless || s.stage == closed || s.stage == closing && d == wire.FromClient:
		return action{}
	case s.stage == closing:
		return s.linger(action{}, now)
	case s.draining:
		if a := s.rest(wire.CauseDrain, now); s.stage >= closing {
			return a
		}
	case s.once:
		if a := s.rest("", now); s.stage >= closing {
			return a
		}
	}
	return s.settle(action{}, now)
}
