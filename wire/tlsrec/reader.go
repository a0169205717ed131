package tlsrec

import (
	"math"
	"time"
)

// headSize is the size of the head of a record.
const headSize = 5

// maxContent is how long a record may be in any version (RFC 5246 §6.2.3).
const maxContent = 1<<14 + 2048

// A Reader reads the records of one tunnel. Only one goroutine may use it at a time. Times are from
// one moment that its owner chooses.
type Reader struct {
	sides  [2]side
	began  uint32 // when the tunnel began; times are in milliseconds here
	last   uint32 // when the last byte came
	idle   uint32 // the longest time without a byte
	idleAt uint32 // when it began
}

// A side is what is known of the records of one side.
type side struct {
	*extra          // nil: there is nothing rare
	hello    *Hello // see Sent
	content  []byte // of the first record, while it comes
	offset   int64  // of the next byte
	bytes    int64
	counts   [Types]uint32
	largest  uint16
	left     uint16 // bytes of the content at hand that have not come
	length   uint16 // of it
	head     [headSize]byte
	have     uint8 // how much of the head there is
	seen     [8]byte
	resemble uint8 // how many bytes of seen there are
	versions uint8 // a bit for each minor version
	state    state
}

// An extra is what few sides have.
type extra struct {
	alert   Alert
	alertAt uint32
	fault   Fault
}

// A state is a set of facts about a side.
type state uint8

const (
	inContent state = 1 << iota // a head is complete, and content is to come
	isLost                      // the bytes from offset on are not read
	isFaulty                    // because of a fault
	isGreeted                   // the first record has come
)

// NewReader returns a reader for a tunnel that begins at that time.
func NewReader(began time.Duration) *Reader {
	r := &Reader{began: milliseconds(began)}
	r.last = r.began
	return r
}

func milliseconds(d time.Duration) uint32 {
	return uint32(min(max(d.Milliseconds(), 0), math.MaxUint32))
}

// Reads reports whether bytes of that side are still looked at.
func (r *Reader) Reads(from Side) bool { return !r.sides[from].over() }

// Stop stops reading the records of a side, of which bytes are missing.
func (r *Reader) Stop(from Side) {
	if s := &r.sides[from]; s.state&isLost == 0 {
		s.lose()
		s.resemble = uint8(len(s.seen))
	}
}

// lose gives up on a side. What it said first is kept.
func (s *side) lose() {
	s.state = s.state&^inContent | isLost
	s.content = nil
}

// Faulty reports whether the records of a side have a fault.
func (r *Reader) Faulty(from Side) bool { return r.sides[from].state&isFaulty != 0 }

// over reports whether the bytes are not read any more, and enough of them came to tell what begins
// there.
func (s *side) over() bool { return s.state&isLost != 0 && int(s.resemble) == len(s.seen) }

// Skippable returns how many of the next bytes need not be fed: the rest of a record that is not
// looked at, or all where records are not read any more. It is 0 if bytes must be fed. It changes only by
// what is fed or skipped on the same side.
func (r *Reader) Skippable(from Side) int64 {
	switch s := &r.sides[from]; {
	case s.over():
		return math.MaxInt64
	case s.state&inContent == 0 || s.wanted() > 0:
		return 0
	default:
		return int64(s.left)
	}
}

// Skip records that n bytes, at most Skippable, came and were not fed.
func (r *Reader) Skip(from Side, n int64, at time.Duration) {
	if n = min(n, r.Skippable(from)); n > 0 {
		r.heard(at)
		if r.Reads(from) {
			r.pass(from, uint16(n))
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
			s.resemble += uint8(copy(s.seen[s.resemble:], p))
			return
		case s.state&inContent == 0:
			n := copy(s.head[s.have:], p)
			p = p[n:]
			s.have += uint8(n)
			s.offset += int64(n)
			if s.have == headSize {
				r.begin(from)
			}
		default:
			n := min(len(p), int(s.left))
			if want := s.wanted(); want > 0 {
				n = min(n, want)
				s.content = append(s.content, p[:n]...)
			}
			r.pass(from, uint16(n))
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
}

// wanted returns how many of the next bytes of the content at hand are looked at.
func (s *side) wanted() int {
	passed := int(s.length - s.left)
	switch {
	case s.state&isGreeted == 0 && typeOf(s.head[0]) == Handshake:
		return min(int(s.length), MaxHello) - passed
	case s.clearAlert():
		return int(s.left)
	}
	return 0
}

// clearAlert reports whether the record at hand is an alert in the clear: a sealed one is longer.
func (s *side) clearAlert() bool { return typeOf(s.head[0]) == AlertRecord && s.length == 2 }

// begin judges and records a record whose head is complete.
func (r *Reader) begin(from Side) {
	s := &r.sides[from]
	t := typeOf(s.head[0])
	s.length = uint16(s.head[3])<<8 | uint16(s.head[4])
	increase(&s.counts[t])
	if s.extra != nil {
		s.alert.Last = false
	}
	first := s.state&isGreeted == 0
	switch {
	case t == Other || s.head[1] != 3 || s.head[2] > 4:
		r.fault(from, FaultRecord, s.offset-headSize)
		return
	case s.length > maxContent, s.length == 0 && t != Application:
		r.fault(from, FaultLength, s.offset-headSize)
		return
	case first && t != Handshake && !(t == AlertRecord && from == Server):
		r.fault(from, FaultFirst, s.offset-headSize)
		return
	}
	s.versions |= 1 << s.head[2]
	s.largest, s.left = max(s.largest, s.length), s.length
	if t == AlertRecord {
		e := s.more()
		e.alert = Alert{Sealed: !s.clearAlert(), Last: true, Count: e.alert.Count + 1}
		e.alertAt = r.last
	}
	if s.have = 0; s.length > 0 {
		s.state |= inContent
	}
}

// pass moves on in the content.
func (r *Reader) pass(from Side, n uint16) {
	s := &r.sides[from]
	s.left -= n
	s.offset += int64(n)
	s.bytes += int64(n)
	first := s.state&isGreeted == 0
	if first && typeOf(s.head[0]) == Handshake && s.wanted() == 0 {
		if s.state |= isGreeted; !r.greet(from) {
			return
		}
	}
	if s.left > 0 {
		return
	}
	s.state = s.state&^inContent | isGreeted
	if s.clearAlert() && len(s.content) == 2 {
		s.more().alert.Fatal, s.alert.Description = s.content[0] == 2, Description(s.content[1])
	}
	s.content = nil
}

// greet reads the hello. It is false if there is none.
func (r *Reader) greet(from Side) bool {
	s := &r.sides[from]
	b := s.content
	s.content = nil
	if s.hello = readHello(b, from); s.hello != nil {
		return true
	}
	passed := int64(s.length - s.left)
	s.bytes -= passed
	s.resemble = uint8(copy(s.seen[:], b))
	r.fault(from, FaultFirst, s.offset-passed-headSize)
	return false
}

// fault records a fault of the record at hand, which begins at that place, and ends the reading of its
// side.
func (r *Reader) fault(from Side, kind FaultKind, at int64) {
	s := &r.sides[from]
	s.lose()
	s.state |= isFaulty
	s.offset = at
	number := int64(0)
	for _, n := range s.counts {
		number += int64(n)
	}
	s.more().fault = Fault{Kind: kind, Record: number, Offset: at, Type: s.head[0], Length: int64(s.length)}
	rest := [len(s.seen)]byte{}
	n := copy(rest[:], s.head[:])
	n += copy(rest[n:], s.seen[:s.resemble])
	s.seen, s.resemble = rest, uint8(n)
}

func (s *side) more() *extra {
	if s.extra == nil {
		s.extra = new(extra)
	}
	return s.extra
}

// increase counts one more, up to the largest number.
func increase(n *uint32) {
	if *n < math.MaxUint32 {
		*n++
	}
}
