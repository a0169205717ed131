package ws

import (
	"slices"
	"time"
	"unicode/utf8"
)

// begin records that a frame begins. It reports whether its payload is wanted.
func (c *recorder) begin(from Side, kind Kind, compressed bool, at time.Duration) (wanted bool) {
	s := &c.sides[from]
	switch {
	case kind.control():
		s.control = Message{From: from, Kind: kind, Frames: 1, Data: []byte{}}
		return true
	case kind == Reserved, kind == Continuation && s.message.Frames == 0:
		return false
	case kind != Continuation:
		if s.message.Frames > 0 { // it never ends
			c.end(from, CutEnd, at)
		}
		s.message = Message{From: from, Kind: kind, Compressed: compressed}
		s.full = compressed && s.lost != Whole || !compressed && kind == Binary && !c.Data
	}
	s.message.Frames++
	return !s.full
}

// payload takes payload that was masked with key, of which position bytes of the frame came before. It
// reports whether more is wanted.
func (c *recorder) payload(from Side, kind Kind, p []byte, key [4]byte, position uint64) (wanted bool) {
	s := &c.sides[from]
	if kind.control() {
		p = p[:min(len(p), maxControl-len(s.control.Data))]
		s.control.Data = unmask(s.control.Data, p, key, position)
		return true
	}
	limit := c.Message
	if s.message.Compressed {
		limit = maxDeflated
	}
	n := min(len(p), limit-len(s.b))
	if need := len(s.b) + n; need > cap(s.b) {
		size := min(max(need, 2*cap(s.b)), limit)
		if !c.take(size - cap(s.b)) {
			return c.giveUp(s, CutMemory)
		}
		s.b = append(make([]byte, 0, size), s.b...)
	}
	if s.b = unmask(s.b, p[:n], key, position); n < len(p) {
		if !s.message.Compressed {
			s.full = true
			return false
		}
		return c.giveUp(s, CutLong)
	}
	return true
}

// giveUp keeps only the beginning of the message under way.
func (c *recorder) giveUp(s *recording, cut Cut) bool {
	s.full, s.message.Cut = true, cut
	if b := s.b; s.message.Compressed {
		c.drop(s)
		m := s.inflate(b, false, c.Message, c.Memory)
		c.remember(s)
		s.message.Data = m.data
		if m.cut != CutLong {
			s.message.Cut = m.cut
		}
	}
	return false
}

// endControl records that the control frame under way has ended.
func (c *recorder) endControl(from Side, length uint64, at time.Duration) {
	m := c.sides[from].control
	if m.Sent, m.Size = length, int64(length); length > uint64(len(m.Data)) {
		m.Cut = CutLong
	}
	c.push(m, at)
}

// end records that the message under way has ended, or that it never will. It reports whether its text
// was decompressed to its end, and whether it is UTF-8 then.
func (c *recorder) end(from Side, cut Cut, at time.Duration) (judged, valid bool) {
	s := &c.sides[from]
	m := s.message
	switch {
	case !m.Compressed:
		if m.Data, m.Size = s.b, int64(m.Sent); m.Cut == Whole && uint64(len(s.b)) < m.Sent && (c.Data || m.Kind == Text) {
			m.Cut = CutLong
		}
	case s.full:
		if m.Size = SizeUnknown; m.Cut == Whole {
			m.Cut = s.lost
		}
	default:
		is := s.inflate(s.b, cut == Whole, c.Message, c.Memory)
		m.Data, m.Size, m.Cut = is.data, is.size, is.cut
		judged, valid = m.Kind == Text && is.size != SizeUnknown, is.utf8
		c.remember(s)
	}
	if cut != Whole {
		m.Size, m.Cut = SizeUnknown, cut
	}
	c.drop(s)
	s.message, s.full = Message{}, false
	c.push(m, at)
	return judged, valid
}

// drop gives back the payload under way.
func (c *recorder) drop(s *recording) {
	c.give(cap(s.b))
	s.b = nil
}

// remember takes memory for what the messages of a side need that come later.
func (c *recorder) remember(s *recording) {
	c.give(s.taken)
	if s.taken = cap(s.window); !c.take(s.taken) {
		s.taken, s.window, s.lost = 0, nil, CutMemory
	}
}

// push adds a message, in place of the first ones where there is no room.
func (c *recorder) push(m Message, at time.Duration) {
	m.At = max(at-c.began, 0)
	m.Data = beginning(&m)
	if !c.Data {
		m.reduce()
	}
	size := m.Bytes()
	for len(c.kept) > 0 && (c.size+size > c.Tunnel || len(c.kept) >= maxMessages) {
		c.shift()
	}
	for !c.take(size) {
		if len(c.kept) == 0 {
			c.dropped[m.From]++
			return
		}
		c.shift()
	}
	c.kept = append(c.kept, m)
	c.size += size
}

// shift drops the first message.
func (c *recorder) shift() {
	size := c.kept[0].Bytes()
	c.dropped[c.kept[0].From]++
	c.kept[0] = Message{}
	c.kept = c.kept[1:]
	c.size -= size
	c.give(size)
}

// beginning returns the data of a message that is to be kept, which may be cut. It is nil for a
// compressed message that was not decompressed.
func beginning(m *Message) []byte {
	b := m.Data
	if b == nil && !m.Compressed {
		return []byte{}
	}
	if m.Kind == Text && m.Cut != Whole {
		for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
			if last := b[len(b)-n:]; utf8.RuneStart(last[0]) {
				if !utf8.FullRune(last) {
					b = b[:len(b)-n]
				}
				break
			}
		}
	}
	if cap(b) > len(b)+len(b)/4 {
		b = slices.Clone(b)
	}
	return b
}

// unmask appends payload that was masked with key, of which position bytes of the frame came before.
func unmask(b, p []byte, key [4]byte, position uint64) []byte {
	n := len(b)
	b = append(b, p...)
	if key != [4]byte{} {
		for i := range b[n:] {
			b[n+i] ^= key[(position+uint64(i))&3]
		}
	}
	return b
}
