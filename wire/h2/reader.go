package h2

import (
	"math"
	"time"
)

// Terms are what is known before the first byte.
type Terms struct {
	Upgraded bool      // the connection began as HTTP/1.1: stream 1 is the request (RFC 7540 §3.2)
	Settings []Setting // of the client, as HTTP2-Settings has them
}

// A Reader reads the frames of one connection. Only one goroutine may use it at a time. Times are from
// one moment that its owner chooses.
type Reader struct {
	sides     [2]side
	decoder   *Decoder // nil: only the facts are wanted
	began     uint32   // when the connection began; times are in milliseconds here
	last      uint32   // when the last byte came
	idle      uint32   // the longest time without a byte
	idleAt    uint32   // when it began
	gone      Side     // whose GOAWAY came first
	continued bool     // the connection began as HTTP/1.1
}

// A side is what is known of the frames of one side.
type side struct {
	*extra             // nil: there is nothing rare
	settings []Setting // see Sent
	offset   int64     // of the next byte
	data     int64     // bytes of payload of DATA
	rest     int64     // of all other types
	counts   [Types]uint32
	left     uint32 // bytes of the payload at hand that have not come
	largest  uint32
	limit    uint32 // the largest frame that it allows the other side
	opened   uint32
	highest  uint32 // the highest stream that it opened
	ended    uint32
	acks     [2]uint32 // of SETTINGS and PING
	block    uint32    // the stream whose field block is not complete; 0: none
	head     [HeadSize]byte
	have     uint8 // how much of the head there is
	matched  uint8 // how much of the preface there is
	pad      uint8 // how much padding ends the frame at hand
	first    [8]byte
	state    state
}

// An extra is what few connections have.
type extra struct {
	resets [maxCode + 2]uint32 // by code, all others last
	away   Goodbye
	awayAt uint32
	fault  Fault
}

// A state is a set of facts about a side.
type state uint8

const (
	begun     state = 1 << iota // it is known whether it has a preface
	prefaced                    // it has one
	inPayload                   // a head is complete, and payload is to come
	isLost                      // the bytes from offset on are not read
	isFaulty                    // because of a fault
)

// NewReader returns a reader for a connection that begins at that time.
func NewReader(terms Terms, began time.Duration) *Reader {
	r := newReader(terms, began)
	return &r
}

func newReader(terms Terms, began time.Duration) Reader {
	r := Reader{began: milliseconds(began), continued: terms.Upgraded}
	r.last = r.began
	for i := range r.sides {
		r.sides[i].limit = minMaxFrame
	}
	for _, s := range terms.Settings {
		if s.ID == settingMaxFrame && !s.wrong() {
			r.sides[Client].limit = max(r.sides[Client].limit, s.Value)
		}
	}
	return r
}

func milliseconds(d time.Duration) uint32 {
	return uint32(min(max(d.Milliseconds(), 0), math.MaxUint32))
}

// Reads reports whether bytes of that side are still looked at.
func (r *Reader) Reads(from Side) bool { return !r.sides[from].over() }

// Stop stops reading the frames of a side, of which bytes are missing.
func (r *Reader) Stop(from Side) {
	if s := &r.sides[from]; s.state&isLost == 0 {
		s.state = s.state&^inPayload | isLost
		s.have = HeadSize
		r.decoder.lose(from, BlindMissing, s.offset, "")
	}
}

// Faulty reports whether the frames of a side have a fault.
func (r *Reader) Faulty(from Side) bool {
	return r.sides[from].state&isFaulty != 0 || r.miscast(from)
}

// miscast reports whether a side has the preface although the other one is the client, or lacks it
// although the other one lacks it too. Its frames are read all the same: which side that is depends on what
// comes first in each of them, and not on the order of the two.
func (r *Reader) miscast(from Side) bool {
	s, other := &r.sides[from], &r.sides[1-from]
	both := s.state & other.state
	if both&begun == 0 || (s.state^other.state)&prefaced != 0 {
		return false
	}
	return (both&prefaced != 0) == (from == Server)
}

// over reports whether the bytes are not read any more, and enough of them came to tell what begins
// there.
func (s *side) over() bool { return s.state&isLost != 0 && s.have == HeadSize }

// Skippable returns how many of the next bytes need not be fed: the rest of a payload that is
// not looked at, or all where frames are not read any more. It is 0 if bytes must be fed. It changes only
// by what is fed or skipped on the same side.
func (r *Reader) Skippable(from Side) int64 {
	switch s := &r.sides[from]; {
	case s.over():
		return math.MaxInt64
	case s.state&inPayload == 0 || r.wanted(from) > 0:
		return 0
	default:
		return int64(r.decoder.idle(from, s.left))
	}
}

// Skip records that n bytes, at most Skippable, came and were not fed.
func (r *Reader) Skip(from Side, n int64, at time.Duration) {
	if n = min(n, r.Skippable(from)); n > 0 {
		r.heard(at)
		if r.Reads(from) {
			r.decoder.passed(from, uint32(n))
			r.pass(from, uint32(n))
		}
	}
}

// Feed takes bytes of one side.
func (r *Reader) Feed(from Side, p []byte, at time.Duration) {
	if len(p) == 0 {
		return
	}
	r.heard(at)
	s := &r.sides[from]
	for len(p) > 0 {
		switch {
		case s.state&isLost != 0:
			s.have += uint8(copy(s.head[s.have:], p))
			return
		case s.state&begun == 0:
			p = p[r.start(from, p):]
		case s.state&inPayload == 0:
			n := copy(s.head[s.have:], p)
			p = p[n:]
			s.have += uint8(n)
			s.offset += int64(n)
			if s.have == HeadSize {
				r.begin(from)
			}
		default:
			n := int(min(uint32(len(p)), s.left))
			if wanted := r.wanted(from); wanted > 0 {
				n = min(n, wanted)
				r.look(from, p[:n])
			} else {
				n = min(n, int(r.decoder.idle(from, s.left)))
				r.decoder.passed(from, uint32(n))
			}
			if s.state&isLost == 0 {
				r.pass(from, uint32(n))
			}
			p = p[n:]
		}
	}
}

// heard records that bytes came.
func (r *Reader) heard(at time.Duration) {
	now := max(milliseconds(at), r.last)
	if now-r.last > r.idle {
		r.idle, r.idleAt = now-r.last, r.last
	}
	r.last = now
	if r.decoder != nil {
		r.decoder.at = at
	}
}

// pass moves on in the payload.
func (r *Reader) pass(from Side, n uint32) {
	s := &r.sides[from]
	s.left -= n
	s.offset += int64(n)
	if s.head[3] == byte(Data) {
		s.data += int64(n)
	} else {
		s.rest += int64(n)
	}
	if s.left == 0 {
		h, _ := ReadHead(s.head[:])
		s.state &^= inPayload
		s.have = 0
		r.decoder.end(from, h)
	}
}

// increase counts one more, up to the largest number.
func increase(n *uint32) {
	if *n < math.MaxUint32 {
		*n++
	}
}
