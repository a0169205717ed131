package h2

import "encoding/binary"

// wanted returns how many of the next bytes of the payload at hand are looked at; none if it is of no
// interest.
func (s *side) wanted() int {
	length := binary.BigEndian.Uint32(s.head[:4]) >> 8
	at := length - s.left
	switch Type(s.head[3]) {
	case Settings:
		return int(6 - at%6)
	case Reset, WindowUpdate:
		return 4 - int(at)
	case GoAway:
		return max(8-int(at), 0)
	}
	return 0
}

func (s *side) looks() bool { return s.wanted() > 0 }

// look takes bytes of a payload, at most those that are wanted.
func (r *Reader) look(from Side, p []byte) {
	s := &r.sides[from]
	h, _ := ReadHead(s.head[:])
	at := h.Length - s.left
	if h.Kind() == Settings {
		at %= 6
	}
	n := copy(s.first[at:], p)
	if n < s.wanted() {
		return
	}
	number := binary.BigEndian.Uint32(s.first[:])
	switch h.Kind() {
	case Settings:
		r.set(from, readSetting(s.first[:]))
	case Reset:
		increase(&s.more().resets[min(number, maxCode+1)])
	case WindowUpdate:
		if number&0x7fffffff == 0 && h.Stream == 0 {
			r.faultInside(from, FaultWindow)
		}
	case GoAway:
		r.away(from, number&0x7fffffff, Code(binary.BigEndian.Uint32(s.first[4:])))
	}
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
func (r *Reader) set(from Side, got Setting) {
	s := &r.sides[from]
	if got.wrong() {
		r.faultInside(from, FaultSetting)
		return
	}
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
