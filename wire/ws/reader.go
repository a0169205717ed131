package ws

import (
	"math"
	"time"
)

// MaxChecked is the size of the largest text frame whose UTF-8 is checked. The payload of larger
// ones may be skipped.
const MaxChecked = 64 << 10

// Terms are what the handshake agreed on about frames.
type Terms struct {
	Deflate bool // permessage-deflate (RFC 7692): RSV1 marks a compressed message
	Other   bool // another extension, which may define the reserved bits and opcodes
}

// A Reader reads the frames of one tunnel. Only one goroutine may use it at a time. Times are from
// one moment that its owner chooses.
type Reader struct {
	sides  [2]side
	began  uint32 // when the tunnel began; times are in milliseconds here
	last   uint32 // when the last byte came
	idle   uint32 // the longest time without a byte
	idleAt uint32 // when it began
	keys   keys
	terms  Terms
	first  Side // whose Close frame came first
}

// keys are the masking keys of a client's frames with payload.
type keys struct {
	zero     uint32  // that are zero
	repeated uint32  // that are the one before
	before   [4]byte // the last one
}

// A side is what is known of the frames of one side. It is small, because most tunnels are idle:
// what few of them have is in the extra part.
type side struct {
	offset  int64  // of the next byte
	left    uint64 // bytes of the payload at hand that have not come
	largest uint64 // payload of the largest message of one frame
	bytes   int64  // of the frames of the main kind
	*extra         // nil: nothing has come but unfragmented messages of one kind without a fault
	frames  uint32 // of the main kind

	messages uint32
	head     [maxHead]byte
	have     uint8 // how much of the head there is
	kind     Kind  // of the frame at hand
	main     Kind  // text or binary: that of the first data frame; before it, neither
	state    state
	text     text // of the message at hand
}

// A state is a set of facts about the frame and the message at hand.
type state uint8

const (
	inPayload state = 1 << iota // the head is complete, and payload is to come
	inMessage                   // a message has begun and has not ended
	checked                     // the message at hand is text that is checked
	final                       // the frame at hand is the last of its message
	isLost                      // the bytes from offset on are not frames
	keyed                       // a key was used
	isStopped                   // bytes are missing
	wanted                      // the payload at hand goes to the recorder
)

// NewReader returns a reader for a tunnel that begins at that time.
func NewReader(terms Terms, began time.Duration) *Reader {
	r := new(Reader)
	r.Open(terms, began)
	return r
}

// Open readies a zero Reader for a tunnel that begins at that time.
func (r *Reader) Open(terms Terms, began time.Duration) {
	r.terms, r.began = terms, milliseconds(began)
	r.last = r.began
}

func milliseconds(d time.Duration) uint32 {
	return uint32(min(max(d.Milliseconds(), 0), math.MaxUint32))
}

// Reads reports whether bytes of that side are still looked at.
func (r *Reader) Reads(from Side) bool { return !r.sides[from].over() }

// Stop stops reading the frames of a side, of which bytes are missing.
func (r *Reader) Stop(from Side) {
	if s := &r.sides[from]; s.state&isLost == 0 {
		s.state |= isLost | isStopped
		s.have = maxHead
		s.state &^= inPayload
	}
}

// Faulty reports whether the frames of a side have a fault.
func (r *Reader) Faulty(from Side) bool {
	e := r.sides[from].extra
	return e != nil && len(e.faults) > 0
}

// over reports whether the bytes are not frames, and enough of them came to tell what begins there.
func (s *side) over() bool { return s.state&isLost != 0 && s.have == maxHead }

// Skippable returns how many of the next bytes need not be fed: the rest of a payload that is
// not looked at, or all where frames are not read any more. It is 0 if bytes must be fed. It changes only
// by what is fed or skipped on the same side.
func (r *Reader) Skippable(from Side) int64 {
	switch s := &r.sides[from]; {
	case s.over():
		return math.MaxInt64
	case s.state&inPayload == 0 || s.looks():
		return 0
	default:
		return int64(min(s.left, math.MaxInt64))
	}
}

// looks reports whether the next byte of the payload at hand is looked at: it belongs to a control
// frame, to its first bytes if it is too long, or to text that is checked.
func (s *side) looks() bool {
	if s.kind.control() {
		return s.length()-s.left < maxControl
	}
	return s.state&(checked|wanted) != 0
}

// Skip records that n bytes, at most Skippable, came and were not fed.
func (r *Reader) Skip(from Side, n int64, at time.Duration) {
	if n = min(n, r.Skippable(from)); n > 0 {
		r.heard(at)
		if r.Reads(from) {
			r.pass(from, uint64(n), at)
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
			s.resemble(p)
			return
		case s.state&inPayload == 0:
			n := s.takeHead(p)
			p = p[n:]
			s.offset += int64(n)
			if s.complete() {
				r.begin(from, at)
			}
		default:
			n := int(min(uint64(len(p)), s.left))
			r.look(from, p[:n])
			r.pass(from, uint64(n), at)
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

// want says whether more of the payload at hand goes to the recorder.
func (s *side) want(more bool) {
	if s.state &^= wanted; more {
		s.state |= wanted
	}
}

// look reads payload before it passes.
func (r *Reader) look(from Side, p []byte) {
	s := &r.sides[from]
	if s.state&wanted != 0 {
		s.want(s.recorder.payload(from, s.kind, p, s.key(), s.length()-s.left))
	}
	switch {
	case s.kind.control():
		s.keepControl(p)
	case s.state&checked != 0:
		if !s.text.check(p, s.key(), s.length()-s.left) {
			s.state &^= checked
			s.fault(FaultText)
		}
	}
}

// pass moves on in the payload.
func (r *Reader) pass(from Side, n uint64, at time.Duration) {
	s := &r.sides[from]
	s.left -= n
	s.offset += int64(n)
	s.count(int64(n))
	if s.left == 0 {
		r.end(from, at)
	}
}

// end records that a frame is complete.
func (r *Reader) end(from Side, at time.Duration) {
	s := &r.sides[from]
	if s.extra != nil && s.recorder != nil {
		r.record(from, at)
	}
	switch {
	case s.kind == Close:
		r.closed(from)
	case s.kind == Ping:
		s.pinged(at)
	case s.kind == Pong:
		r.ponged(from, at)
	case s.state&final != 0:
		if s.state&checked != 0 && s.text.need > 0 {
			s.fault(FaultText)
		}
		increase(&s.messages)
		s.state &^= inMessage | checked
	}
	s.state &^= inPayload
	s.have = 0
}

// record has a frame that is complete be kept.
func (r *Reader) record(from Side, at time.Duration) {
	s := &r.sides[from]
	c := s.recorder
	s.want(false)
	switch {
	case s.kind.control():
		c.endControl(from, s.length(), at)
	case s.kind.data() && s.state&inMessage != 0:
		c.sides[from].message.Sent += s.length()
		if s.state&final == 0 {
			return
		}
		if judged, valid := c.end(from, Whole, at); judged {
			if s.unchecked--; !valid {
				s.fault(FaultText)
			}
		}
	}
}

// increase counts one more, up to the largest number.
func increase(n *uint32) {
	if *n < math.MaxUint32 {
		*n++
	}
}
