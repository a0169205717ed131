package h2

import "bytes"

// start takes bytes at the beginning of a side: the preface of a client, or the first byte of a
// frame. It returns how many it took.
func (r *Reader) start(from Side, p []byte) (n int) {
	s := &r.sides[from]
	for n < len(p) && s.matched < uint8(len(Preface)) && p[n] == Preface[s.matched] {
		if s.matched < HeadSize {
			s.head[s.matched] = p[n]
		}
		s.matched++
		n++
	}
	s.offset += int64(n)
	switch {
	case s.matched == uint8(len(Preface)):
		s.state |= begun | prefaced
		if r.continued && from == Client {
			s.highest = 1
		}
	case n == len(p):
	case s.matched == 0:
		s.state |= begun
	default: // it could only have been a preface: a frame is never so long
		s.offset = 0
		s.state |= begun
		s.have = min(s.matched, HeadSize)
		r.fault(from, FaultPreface)
	}
	return n
}

// begin judges and records a frame whose head is complete.
func (r *Reader) begin(from Side) {
	s := &r.sides[from]
	h, _ := ReadHead(s.head[:])
	first := s.number() == 0
	increase(&s.counts[h.Kind()])
	if kind, wrong := r.judge(from, h, first); wrong {
		s.offset -= HeadSize
		r.fault(from, kind)
		return
	}
	s.largest = max(s.largest, h.Length)
	s.left = h.Length
	s.pad = 0
	s.record(h)
	if h.Length > 0 {
		s.state |= inPayload
	} else {
		s.have = 0
	}
	r.decoder.begin(from, h)
}

// record counts what the head of a frame says.
func (s *side) record(h Head) {
	switch h.Kind() {
	case Headers, Push, Continuation:
		s.block = 0
		if !h.has(FlagEndHeaders) {
			s.block = h.Stream
		}
	case Settings:
		if h.has(flagAck) {
			increase(&s.acks[0])
		}
	case Ping:
		if h.has(flagAck) {
			increase(&s.acks[1])
		}
	}
	if (h.Kind() == Headers || h.Kind() == Data) && h.has(FlagEndStream) {
		increase(&s.ended)
	}
	if h.Kind() == Headers && s.state&prefaced != 0 && h.Stream > s.highest {
		increase(&s.opened)
		s.highest = h.Stream
	}
}

// judge says what is wrong with a head, if that ends the connection.
func (r *Reader) judge(from Side, h Head, first bool) (kind FaultKind, wrong bool) {
	s, other := &r.sides[from], &r.sides[1-from]
	t := h.Kind()
	switch {
	case first && (t != Settings || h.has(flagAck)):
		return FaultFirst, true
	case (s.block != 0) != (t == Continuation), t == Continuation && h.Stream != s.block:
		return FaultOrder, true
	case h.Length > other.limit:
		return FaultSize, true
	case t.wrongLength(h):
		return FaultLength, true
	case t == Push && s.state&prefaced != 0:
		return FaultPush, true
	}
	return FaultStream, r.wrongStream(from, h)
}

// wrongLength reports whether a frame of that type cannot be so long. A PRIORITY frame of a wrong
// length ends its stream only (RFC 9113 §6.3).
func (t Type) wrongLength(h Head) bool {
	switch t {
	case Reset, WindowUpdate:
		return h.Length != 4
	case Settings:
		return h.Length%6 != 0 || h.has(flagAck) && h.Length != 0
	case Ping:
		return h.Length != 8
	case GoAway:
		return h.Length < 8
	case Data, Headers, Push:
		return h.Length < h.prefix()
	}
	return false
}

// wrongStream reports whether a frame cannot belong to its stream. Streams that were opened are not
// remembered one by one: whether one of them is still open is not known.
func (r *Reader) wrongStream(from Side, h Head) bool {
	s, other := &r.sides[from], &r.sides[1-from]
	switch t := h.Kind(); t {
	case Settings, Ping, GoAway:
		return h.Stream != 0
	case Other:
		return false
	case WindowUpdate:
		if h.Stream == 0 {
			return false
		}
	case Priority:
		return h.Stream == 0
	}
	odd := h.Stream%2 == 1
	switch {
	case h.Stream == 0:
		return true
	case s.state&prefaced != 0:
		if h.Kind() == Headers {
			return !odd
		}
		return odd && h.Stream > s.highest
	case other.state&prefaced != 0 && other.state&isLost == 0:
		return odd && h.Stream > other.highest
	}
	return false
}

// number returns how many frames have begun.
func (s *side) number() (n int64) {
	for _, c := range s.counts {
		n += int64(c)
	}
	return n
}

// fault records a fault of the frame at hand, or of the preface, and ends the reading of a side. The
// offset is that of the frame.
func (r *Reader) fault(from Side, kind FaultKind) {
	s := &r.sides[from]
	s.state = s.state&^inPayload | isLost | isFaulty
	e := s.more()
	e.fault = Fault{Kind: kind, Offset: s.offset}
	if kind == FaultPreface {
		e.fault.Offset = 0
	} else {
		e.fault.Head, _ = ReadHead(s.head[:])
		e.fault.Frame = s.number()
	}
	if kind == FaultSize {
		e.fault.Limit = int64(r.sides[1-from].limit)
	}
	r.decoder.lose(from, BlindFault, e.fault.Offset, kind.String())
}

func (s *side) more() *extra {
	if s.extra == nil {
		s.extra = new(extra)
	}
	return s.extra
}

// beginsHTTP reports whether the first bytes of what is not a frame are those of HTTP/1.
func beginsHTTP(from Side, b []byte) bool {
	if from == Server {
		return bytes.HasPrefix(b, []byte("HTTP/1."))
	}
	for i, c := range b {
		if c == ' ' {
			return i >= 3 && string(b[:i]) != Preface[:i]
		}
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return false
}
