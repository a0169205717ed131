package wire

import (
	"time"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// A Killed is how a server ended a connection within KilledWithin of what it saw last of a stream, while
// others were open: what is wrong with a stream ends that stream only (RFC 9113 §5.4.2).
type Killed struct {
	By           string  `json:"by"`             // one of the ways
	Code         h2.Code `json:"code,omitempty"` // of GOAWAY
	Open         uint32  `json:"open"`           // how many others the server had not ended, at most maxOpen
	Milliseconds uint32  `json:"milliseconds"`   // from what was seen last of the stream to the end of the connection
}

// The ways in which a server ends a connection.
const (
	KilledGoAway = "goaway" // GOAWAY with an error
	KilledEnd    = "end"    // the end of its direction
	KilledReset  = "reset"
)

// A suspect is the stream of which something was seen last, while others were open: its request, HEADERS
// in its tunnel, or its end.
type suspect struct {
	s  *stream
	x  *Exchange // of one that has ended; it was reported, and is to be once more
	at time.Time
}

// suspects reports whether the end of the connection would belong to the stream, and not to what was seen
// before of another one.
func (s *stream) suspects(now time.Time) bool {
	k := s.own.Rare.connection
	if k == nil || k.over || s.what().Killed != nil || k.leaving() || k.others(s.what().ID) == 0 {
		return false
	}
	k.clear()
	k.suspect = suspect{s: s, at: now}
	return true
}

// watch prepares the report of the end of the stream, if how the connection goes on belongs to it.
func (s *stream) watch(now time.Time) { s.pending = s.suspects(now) }

// watched keeps the exchange that was reported, to be reported once more.
func (s *stream) watched(x *Exchange) {
	if s.pending {
		s.own.Rare.connection.suspect.x = x
	}
}

// accepted records that the request of the stream was: it is not what a connection ends for.
func (s *stream) accepted() {
	if k := s.own.Rare.connection; k != nil && k.suspect.s == s {
		k.suspect = suspect{}
	}
}

// leaving reports whether the server has said that it will end the connection.
func (k *connection) leaving() bool { return k.known.Server.GoAway != nil }

// clear forgets the suspect: the connection goes on. One that has ended is reported once more.
func (k *connection) clear() {
	if k.suspect.x != nil {
		k.suspect.s.settle(k.suspect.x)
	}
	k.suspect = suspect{}
}

// due is when it is known that the connection goes on; the zero time if no report waits for that.
func (k *connection) due() time.Time {
	if k.suspect.x == nil {
		return time.Time{}
	}
	return k.suspect.at.Add(KilledWithin)
}

// tick reports what is due.
func (k *connection) tick(now time.Time) {
	if k.suspect.s != nil && !now.Before(k.suspect.at.Add(KilledWithin)) {
		k.clear()
	}
}

// kill records that the server ends the connection.
func (k *connection) kill(by string, code h2.Code, now time.Time) {
	k.tick(now)
	s := k.suspect.s
	if s == nil {
		return
	}
	if open := k.others(s.what().ID); open > 0 {
		after := uint32(max(now.Sub(k.suspect.at), 0).Milliseconds())
		s.change(func(of *Stream) { of.Killed = &Killed{by, code, open, after} })
	}
	k.clear()
}

// settle reports the exchange of a stream that has ended for the last time.
func (s *stream) settle(x *Exchange) {
	s.pending = false
	x.Stream, x.Final = s.what(), true
	s.emit(x)
}
