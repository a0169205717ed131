package ws

import (
	"encoding/binary"
	"time"
	"unicode/utf8"
)

// maxControl is the size of the largest payload of a control frame (RFC 6455 §5.5).
const maxControl = 125

// An extra is what is known of a side that has sent more than unfragmented, uncompressed messages.
type extra struct {
	counts [Kinds]Count // but of the main kind

	message                    uint64 // payload of the message at hand, if it has several frames
	frame                      uint64 // payload of the largest frame since there is an extra part
	whole                      uint64 // payload of the largest message of several frames
	compressed, unchecked      uint32
	fragments                  uint32 // of the message at hand
	fragmented, mostFragments  uint32
	answered, unasked, foreign uint32
	dataAfter                  uint32
	sum                        uint32 // of the payload of the Ping or Pong at hand
	waiting                    uint8
	pings                      [MaxWaiting]ping // the first waiting ones, oldest first
	shortest, longest          time.Duration
	closing                    *Closing
	body                       []byte // of the Close frame at hand, if it is the first one
	misframed                  uint32 // frames with a fault of their form
	passed                     uint32 // frames of the other side since the oldest waiting Ping
	faults                     []Fault
	recorder                   *recorder // of both sides; nil if messages are not kept
}

// A ping waits for its answer.
type ping struct {
	at  time.Duration
	sum uint32
}

// more returns the extra part of a side.
func (s *side) more() *extra {
	if s.extra == nil {
		s.extra = new(extra)
	}
	return s.extra
}

// count adds payload to that of the kind at hand.
func (s *side) count(n int64) {
	if s.kind == s.main && s.main != Continuation {
		s.bytes += n
	} else {
		s.counts[s.kind].Bytes += n
	}
	if s.extra != nil && s.closing != nil && s.kind.data() {
		s.closing.BytesAfter += n
	}
}

// countFrame adds a frame to those of its kind.
func (s *side) countFrame() {
	if s.main == Continuation && (s.kind == Text || s.kind == Binary) {
		s.main = s.kind
	}
	if s.kind == s.main && s.main != Continuation {
		increase(&s.frames)
	} else {
		s.more().counts[s.kind].Frames++
	}
	if s.extra != nil {
		s.sum = 2166136261 // FNV-1a
		if s.closing != nil && s.kind.data() {
			increase(&s.dataAfter)
		}
	}
}

// keepControl reads payload of a control frame, up to as much as it may have.
func (s *side) keepControl(p []byte) {
	at := s.length() - s.left
	if at >= maxControl {
		return
	}
	p = p[:min(uint64(len(p)), maxControl-at)]
	key := s.key()
	if s.kind == Close && s.body != nil {
		for i, c := range p {
			s.body = append(s.body, c^key[(at+uint64(i))&3])
		}
		return
	}
	for i, c := range p {
		s.sum = (s.sum ^ uint32(c^key[(at+uint64(i))&3])) * 16777619
	}
}

// closing records that a Close frame begins.
func (r *Reader) closing(from Side, at time.Duration) {
	s := &r.sides[from]
	if s.extra.closing != nil {
		return
	}
	if other := r.sides[1-from].extra; other == nil || other.closing == nil {
		r.first = from
	}
	s.body = make([]byte, 0, min(s.length(), maxControl))
	s.extra.closing = &Closing{Size: int(min(s.length(), 1<<31-1)), Code: NoCode, At: at}
}

// closed reads the first Close frame of a side.
func (r *Reader) closed(from Side) {
	s := &r.sides[from]
	body, c := s.body, s.extra.closing
	if body == nil {
		return
	}
	s.body = nil
	if len(body) == 1 {
		s.fault(FaultCloseBody)
	}
	if len(body) < 2 {
		return
	}
	c.Code, c.Reason = int(binary.BigEndian.Uint16(body)), string(body[2:])
	if !mayBeSent(c.Code) {
		s.fault(FaultCloseCode)
	}
	if !utf8.ValidString(c.Reason) && c.Size <= maxControl {
		s.fault(FaultCloseReason)
	}
}

// mayBeSent reports whether a close code may be in a Close frame (RFC 6455 §7.4): 1004, 1005, 1006
// and 1015 may not, codes that are not registered below 3000 are for protocols to come, and codes
// from 5000 on do not exist. 1012 to 1014 are registered with IANA.
func mayBeSent(code int) bool {
	switch {
	case code < 1000 || code > 4999, code >= 1004 && code <= 1006:
		return false
	case code < 1015, code >= 3000:
		return true
	}
	return false
}

// pinged records that a Ping is complete.
func (s *side) pinged(at time.Duration) {
	if s.waiting == 0 {
		s.passed = 0
	}
	if int(s.waiting) == len(s.pings) {
		copy(s.pings[:], s.pings[1:])
		s.waiting--
	}
	s.pings[s.waiting] = ping{at, s.sum}
	s.waiting++
}

// ponged looks for the Ping that a Pong answers. Those before it need no answer any more.
func (r *Reader) ponged(from Side, at time.Duration) {
	s, other := &r.sides[from], r.sides[1-from].extra
	if other == nil || other.waiting == 0 {
		increase(&s.unasked)
		return
	}
	for i := int(other.waiting) - 1; i >= 0; i-- {
		if other.pings[i].sum != s.sum {
			continue
		}
		took := max(at-other.pings[i].at, 0)
		if other.answered == 0 {
			other.shortest = took
		}
		other.shortest, other.longest = min(other.shortest, took), max(other.longest, took)
		increase(&other.answered)
		other.passed = 0
		other.waiting = uint8(copy(other.pings[:], other.pings[i+1:other.waiting]))
		return
	}
	increase(&s.unasked)
	increase(&s.foreign)
}
