package ws

import (
	"encoding/binary"
	"math"
	"time"
)

// maxHead is the size of the longest head of a frame: two bytes, a length of eight, and a key. As
// many bytes tell whether HTTP begins in its place.
const maxHead = 14

// The bits of a frame's first two bytes (RFC 6455 §5.2).
const (
	bitFin     = 0x80
	bitRSV1    = 0x40
	bitsRSV    = 0x70
	opcode     = 0x0f
	bitControl = 0x08 // of the opcode
	bitMask    = 0x80
	lengthIn7  = 0x7f
)

// maxMisframed is how many frames out of order, control frames of a wrong form or wrong lengths a side
// may send before its bytes are no longer read as frames. All receivers give up at the first one, and
// bytes that are not frames at all could be taken for many empty ones.
const maxMisframed = 100

// takeHead takes what belongs to the head from p, and returns how much that is.
func (s *side) takeHead(p []byte) (n int) {
	if s.have < 2 {
		n = copy(s.head[s.have:2], p)
		s.have += uint8(n)
	}
	if s.have >= 2 && n < len(p) {
		more := copy(s.head[s.have:s.headSize()], p[n:])
		s.have += uint8(more)
		n += more
	}
	return n
}

// headSize returns the size of the head that the first two bytes announce.
func (s *side) headSize() int {
	size := 2
	switch s.head[1] & lengthIn7 {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if s.head[1]&bitMask != 0 {
		size += 4
	}
	return size
}

func (s *side) masked() bool { return s.head[1]&bitMask != 0 }

// key returns the masking key of the frame at hand; zeros if it has none.
func (s *side) key() (key [4]byte) {
	if s.masked() {
		copy(key[:], s.head[s.have-4:])
	}
	return key
}

func (s *side) complete() bool { return s.have >= 2 && int(s.have) == s.headSize() }

// length returns the length that the head announces.
func (s *side) length() uint64 {
	switch n := s.head[1] & lengthIn7; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(s.head[2:]))
	case 127:
		return binary.BigEndian.Uint64(s.head[2:])
	default:
		return uint64(n)
	}
}

// begin records a frame whose head is complete.
func (r *Reader) begin(from Side, at time.Duration) {
	s := &r.sides[from]
	first, length := s.head[0], s.length()
	s.kind, s.left = kindOf(first&opcode), length
	s.state &^= final
	s.countFrame()
	if other := r.sides[1-from].extra; other != nil && other.waiting > 0 {
		increase(&other.passed)
	}
	if s.extra != nil {
		s.frame = max(s.frame, length)
	}
	if r.judge(from) {
		s.offset -= int64(s.have)
		s.state |= isLost
		return
	}
	if length > 0 && from == Client && s.masked() {
		r.keyUsed(s)
	}
	if s.kind.data() {
		r.beginData(s)
	}
	if s.kind == Close {
		r.closing(from, at)
	}
	if s.extra != nil && s.recorder != nil {
		s.want(s.recorder.begin(from, s.kind, r.terms.Deflate && first&bitRSV1 != 0 && s.kind != Continuation, at))
	}
	if s.state |= inPayload; length == 0 {
		r.end(from, at)
	}
}

// judge records what is wrong with the head. It reports whether it is unknown where the next frame
// begins, or whether the bytes are frames at all.
func (r *Reader) judge(from Side) (lost bool) {
	s := &r.sides[from]
	first, length := s.head[0], s.length()
	starts := s.kind == Text || s.kind == Binary
	if s.masked() != (from == Client) {
		s.fault(FaultMask)
	}
	if bits := first & bitsRSV; bits != 0 && !(r.terms.Deflate && starts && bits == bitRSV1) {
		s.fault(FaultReserved)
		lost = !r.terms.Other
	}
	switch {
	case s.kind == Reserved:
		s.fault(FaultOpcode)
		lost = lost || !r.terms.Other
	case starts && s.state&inMessage != 0, s.kind == Continuation && s.state&inMessage == 0:
		s.fault(FaultOrder)
	}
	if first&bitControl != 0 && (first&bitFin == 0 || length > maxControl) {
		s.fault(FaultControl)
	}
	switch n := s.head[1] & lengthIn7; {
	case length > math.MaxInt64:
		s.fault(FaultLength)
		lost = true
	case n == 126 && length < 126, n == 127 && length <= math.MaxUint16:
		s.fault(FaultLength)
	}
	lost = lost || s.extra != nil && s.misframed > maxMisframed
	if s.kind.data() && s.extra != nil && s.closing != nil {
		s.fault(FaultAfterClose)
	}
	return lost
}

// keyUsed compares the masking key with the one before.
func (r *Reader) keyUsed(s *side) {
	key := s.key()
	if key == [4]byte{} {
		increase(&r.keys.zero)
	}
	if s.state&keyed != 0 && key == r.keys.before {
		increase(&r.keys.repeated)
	}
	r.keys.before, s.state = key, s.state|keyed
}

// beginData records that a data frame begins or continues a message.
func (r *Reader) beginData(s *side) {
	first, length := s.head[0], s.length()
	if s.kind == Continuation && s.state&inMessage == 0 {
		return // it belongs to no message
	}
	if s.kind != Continuation {
		s.text = text{}
		s.state |= inMessage
		s.state &^= checked
		if s.kind == Text {
			s.state |= checked
		}
		if s.extra != nil {
			s.fragments, s.message = 0, 0
		}
		if r.terms.Deflate && first&bitRSV1 != 0 {
			increase(&s.more().compressed)
			r.uncheck(s)
		}
	}
	if length > MaxChecked || r.terms.Other {
		r.uncheck(s)
	}
	if first&bitFin != 0 {
		s.state |= final
	}
	if s.kind != Continuation && first&bitFin != 0 {
		s.largest = max(s.largest, length)
	} else {
		e := s.more()
		if e.message += length; e.message < length {
			e.message = math.MaxUint64
		}
		e.frame, e.whole = max(e.frame, length), max(e.whole, e.message)
		increase(&e.fragments)
		if e.fragments == 2 {
			increase(&e.fragmented)
		}
		e.mostFragments = max(e.mostFragments, e.fragments)
	}
}

// uncheck gives up the check of a message.
func (r *Reader) uncheck(s *side) {
	if s.state&checked != 0 {
		increase(&s.more().unchecked)
		s.state &^= checked
	}
}
