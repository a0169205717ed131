package ws

import (
	"bytes"
	"time"
)

// fault records a fault of the frame at hand.
func (s *side) fault(kind FaultKind) {
	e := s.more()
	if kind == FaultOrder || kind == FaultControl || kind == FaultLength {
		e.misframed++
	}
	for i := range e.faults {
		if f := &e.faults[i]; f.Kind == kind {
			f.Count++
			return
		}
	}
	size, length := s.headSize(), s.length()
	passed := int64(0)
	if s.state&inPayload != 0 {
		passed = int64(length - s.left)
	}
	e.faults = append(e.faults, Fault{
		Kind: kind, Count: 1, Frame: s.number(), Offset: s.offset - passed - int64(size),
		First: s.head[0], Masked: s.masked(), Length: length, Head: size,
	})
}

// number returns how many frames have begun.
func (s *side) number() int64 {
	n := int64(s.frames)
	if s.extra != nil {
		for _, c := range s.counts {
			n += c.Frames
		}
	}
	return n
}

// resemble keeps the first bytes of what is not frames, after those that are in the head.
func (s *side) resemble(p []byte) { s.have += uint8(copy(s.head[s.have:], p)) }

// beginsHTTP reports whether bytes of a side, of which there may be more, begin like an HTTP/1
// message.
func beginsHTTP(from Side, b []byte) bool {
	const status = "HTTP/1."
	if from == Server {
		return len(b) >= len(status) && bytes.EqualFold(b[:len(status)], []byte(status))
	}
	b = bytes.TrimLeft(b, "\r\n")
	method, target, ok := bytes.Cut(b, []byte(" "))
	for _, c := range method {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return ok && len(method) >= 3 && (len(target) == 0 || bytes.IndexByte([]byte("/*h"), target[0]) >= 0)
}

// Facts returns what is known so far.
func (r *Reader) Facts() *Facts {
	ms := func(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }
	f := &Facts{ClosedFirst: r.first, Idle: ms(r.idle), IdleAt: ms(r.idleAt - min(r.began, r.idleAt))}
	for from := range f.Sides {
		f.Sides[from] = r.sides[from].sent(Side(from), ms(r.began))
	}
	f.Sides[Client].ZeroKeys, f.Sides[Client].RepeatedKeys = int64(r.keys.zero), int64(r.keys.repeated)
	return f
}

// sent returns what is known of a side. Times of its own are from the start of the tunnel.
func (s *side) sent(from Side, began time.Duration) Sent {
	f := Sent{
		Messages: int64(s.messages), LargestFrame: s.largest, LargestMessage: s.largest,
		Lost: s.state&isLost != 0, Cut: s.state&isLost == 0 && s.have > 0, Open: s.state&inMessage != 0, Read: s.offset,
	}
	f.HTTP = f.Lost && s.state&isStopped == 0 && beginsHTTP(from, s.head[:s.have])
	e := s.extra
	if e != nil {
		f.LargestFrame, f.LargestMessage = max(s.largest, e.frame), max(s.largest, e.whole)
		f.Frames, f.Faults = e.counts, append([]Fault(nil), e.faults...)
		f.Compressed, f.Unchecked = int64(e.compressed), int64(e.unchecked)
		f.Fragmented, f.MostFragments = int64(e.fragmented), int64(e.mostFragments)
		f.UnaskedPongs, f.ForeignPongs = int64(e.unasked), int64(e.foreign)
		f.Pings = Pings{Answered: int64(e.answered), Waiting: int64(e.waiting), Shortest: e.shortest, Longest: e.longest}
		if e.waiting > 0 {
			f.Pings.Since, f.Pings.Passed = max(e.pings[0].at-began, 0), int64(e.passed)
		}
		if e.closing != nil {
			c := *e.closing
			c.At, c.DataAfter = max(c.At-began, 0), int64(e.dataAfter)
			f.Close = &c
		}
	}
	if s.main != Continuation {
		f.Frames[s.main] = Count{int64(s.frames), s.bytes}
	}
	if f.MostFragments == 0 && s.frames > 0 {
		f.MostFragments = 1
	}
	return f
}
