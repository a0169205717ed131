package wire

import (
	"bytes"
	"encoding/binary"
	"time"
)

// A seeker looks for a 101 in what a server sends after its bytes cannot be read as a response.
// Clients are more lenient than Interlock, and differ: one of them may well read a switch there.
type seeker struct {
	from  int64 // where in the server's bytes it began
	bytes []byte
	line  int        // of bytes: where the line begins that is looked at
	frame int        // the offset of the next WebSocket frame; -1 if there is none
	seen  int        // how far the end of a line that is not part of a 101 was looked for
	head  headBuffer // the head that may be that of a 101
	due   time.Time
}

// maxSought is how many bytes are searched.
const maxSought = MaxHead

// noise returns the first bytes before that offset.
func (s *seeker) noise(to int) []byte { return append([]byte(nil), s.bytes[:min(to, MaxRecorded)]...) }

// find returns where the head of a 101 starts and ends; to is 0 while there is none. It looks at
// the start of lines, and after WebSocket frames that were sent too early.
func (s *seeker) find() (from, to int) {
	for {
		rest := s.bytes[s.line:]
		if s.head.start.phase == lineEmpty && s.seen <= s.line {
			is, known := switchLine(rest)
			if !known || s.line == s.frame && !s.stepFrame() {
				return 0, 0
			}
			if !is {
				s.seen = s.line + 1
			}
		}
		if s.seen > s.line {
			if !s.nextLine() {
				return 0, 0
			}
			continue
		}
		s.head.bytes = bytes.TrimLeft(rest, " \t")
		if end := s.head.find(FromServer); end > 0 {
			from = len(s.bytes) - len(s.head.bytes)
			return from, from + end
		}
		if s.head.start.phase != lineBad {
			return 0, 0
		}
		s.head, s.seen = headBuffer{}, s.line+1
	}
}

// nextLine moves to the next line; it returns false if that has not arrived yet.
func (s *seeker) nextLine() bool {
	next := -1
	if i := bytes.IndexAny(s.bytes[s.seen-1:], "\r\n"); i >= 0 {
		next = s.seen + i
	}
	if s.frame > s.line && s.frame <= len(s.bytes) && (next < 0 || s.frame < next) {
		next = s.frame
	}
	if next < 0 {
		s.seen = len(s.bytes) + 1
		return false
	}
	s.line = next
	return true
}

// stepFrame steps over a frame that this line may be the beginning of (RFC 6455 §5.2); it is false
// if too little of it is there to say.
func (s *seeker) stepFrame() bool {
	b := s.bytes[s.line:]
	switch {
	case len(b) < 4:
		return false
	case b[0]&0xf0 != 0x80 || b[1] > 126:
		s.frame = -1
	case b[1] == 126:
		s.frame += 4 + int(binary.BigEndian.Uint16(b[2:]))
	default:
		s.frame += 2 + int(b[1])
	}
	return true
}

// switchLine reports whether a line begins as the status line of a 101 does, in any version of HTTP
// and letter case; known is false while too little of it is there to say.
func switchLine(line []byte) (is, known bool) {
	const name, longest = "HTTP/", 64
	line = line[:min(len(line), longest)]
	word := bytes.TrimLeft(line, " \t")
	if n := min(len(word), len(name)); !EqualFold(word[:n], name[:n]) {
		return false, true
	}
	i := bytes.IndexAny(word, " \t\r\n")
	if i < 0 || word[i] == '\r' || word[i] == '\n' {
		return false, i >= 0 || len(line) == longest
	}
	status := bytes.TrimLeft(word[i:], " \t")
	if n := min(len(status), 3); string(status[:n]) != "101"[:n] {
		return false, true
	}
	if len(status) <= 3 {
		return false, len(line) == longest
	}
	return status[3] < '0' || status[3] > '9', true
}

// hidesSwitch reports whether a head contains the status line of a 101: a client that takes another
// line for the end of the head reads it as a response.
func (h *Head) hidesSwitch() bool {
	for at := h.Start.To; at < len(h.Raw); {
		if is, _ := switchLine(h.Raw[at:]); is {
			return true
		}
		i := bytes.IndexAny(h.Raw[at:], "\r\n")
		if i < 0 {
			break
		}
		at += i + 1
	}
	return false
}

// unfinished reports whether the end of the connection cut the head off.
func (h *Head) unfinished() bool { _, is := h.Flaw(FlawHeadUnfinished); return is }
