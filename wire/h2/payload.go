package h2

import "encoding/binary"

// wanted returns how many of the next bytes of the payload at hand are looked at; none if it is of no
// interest.
func (r *Reader) wanted(from Side) int {
	s := &r.sides[from]
	h, _ := ReadHead(s.head[:])
	at := h.Length - s.left
	switch h.Kind() {
	case Settings:
		return int(6 - at%6)
	case Reset, WindowUpdate:
		return int(4 - at)
	case GoAway:
		return int(8 - min(at, 8))
	case Ping:
		if r.decoder != nil && !h.has(flagAck) {
			return int(8 - at)
		}
	case Data, Headers, Push, Continuation:
		if prefix := h.prefix(); at < prefix {
			return int(prefix - at)
		}
		return r.decoder.wanted(from)
	case Other:
		return r.decoder.wanted(from)
	}
	return 0
}

// look takes bytes of a payload, at most those that are wanted.
func (r *Reader) look(from Side, p []byte) {
	s := &r.sides[from]
	h, _ := ReadHead(s.head[:])
	at := h.Length - s.left
	if prefix := h.prefix(); (h.content() || h.alternative()) && at >= prefix {
		r.decoder.take(from, h, p)
		return
	}
	if h.Kind() == Settings {
		at %= 6
	}
	wanted := r.wanted(from)
	if copy(s.first[at:], p) < wanted {
		return
	}
	number := binary.BigEndian.Uint32(s.first[:])
	switch h.Kind() {
	case Settings:
		r.set(from, h, readSetting(s.first[:]))
	case Reset:
		increase(&s.more().resets[min(number, maxCode+1)])
		r.decoder.reset(from, h, Code(number))
	case WindowUpdate:
		if number&0x7fffffff == 0 && h.Stream == 0 {
			r.faultInside(from, FaultWindow)
			return
		}
		r.decoder.widen(from, h, number&0x7fffffff)
	case Ping:
		r.decoder.ping(from, h, s.first[:])
	case GoAway:
		last, code := number&0x7fffffff, Code(binary.BigEndian.Uint32(s.first[4:]))
		r.away(from, last, code)
		r.decoder.goAway(from, h, last, code)
	default:
		r.pad(from, h)
	}
}

// pad records how long the padding is of a frame whose prefix is complete.
func (r *Reader) pad(from Side, h Head) {
	s := &r.sides[from]
	if h.has(flagPadded) {
		s.pad = s.first[0]
	}
	if uint32(s.pad) > h.Length-h.prefix() {
		r.faultInside(from, FaultPadding)
		return
	}
	r.decoder.ready(from, h)
}

// frame returns where the frame at hand begins.
func (s *side) frame(h Head) int64 { return s.offset - int64(h.Length-s.left) - HeadSize }

// promised returns the stream that a PUSH_PROMISE frame with a complete prefix promises.
func (s *side) promised(h Head) uint32 {
	b := s.first[:]
	if h.has(flagPadded) {
		b = b[1:]
	}
	return binary.BigEndian.Uint32(b) & 0x7fffffff
}

// faultInside records a fault that the payload at hand shows.
func (r *Reader) faultInside(from Side, kind FaultKind) {
	s := &r.sides[from]
	h, _ := ReadHead(s.head[:])
	passed := int64(h.Length - s.left)
	s.offset -= HeadSize + passed
	s.rest -= passed
	r.fault(from, kind)
}

// set records a setting.
func (r *Reader) set(from Side, h Head, got Setting) {
	s := &r.sides[from]
	if got.wrong() {
		r.faultInside(from, FaultSetting)
		return
	}
	r.decoder.set(from, h, got)
	if got.ID == settingMaxFrame {
		s.limit = max(s.limit, got.Value)
	}
	for i := range s.settings {
		if s.settings[i].ID == got.ID {
			s.settings[i].Value = got.Value
			return
		}
	}
	if len(s.settings) < MaxSettings {
		s.settings = append(s.settings, got)
	}
}

// away records a GOAWAY frame.
func (r *Reader) away(from Side, last uint32, code Code) {
	e := r.sides[from].more()
	if other := r.sides[1-from].extra; e.away.Count == 0 && (other == nil || other.away.Count == 0) {
		r.gone = from
	}
	e.away.Last, e.away.Code, e.awayAt = last, code, r.last
	e.away.Count++
}
