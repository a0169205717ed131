package wire

import "bytes"

// A Direction is one of the two of a connection.
type Direction uint8

// The two directions.
const (
	FromClient Direction = iota
	FromServer
)

// String returns who speaks: client or server.
func (d Direction) String() string {
	if d == FromServer {
		return "server"
	}
	return "client"
}

// MaxHead is the length in bytes of the longest head that is read, line ends and empty lines in
// front included.
const MaxHead = 64 << 10

// An Event is what a [Scanner] found.
type Event uint8

// The events. EventMore asks for more bytes. After EventHead the owner calls Frame to say what
// content follows, and continues.
const (
	EventMore    Event = iota // everything was taken, nothing is complete
	EventHead                 // a head has ended; the Head passed to Scan holds it
	EventContent              // some bytes of content; Content has them
	EventEnd                  // the message has ended
	EventOpaque               // nothing is claimed about this direction from here on; Flaw says why
)

type scanState uint8

const (
	scanHead scanState = iota
	scanFrame
	scanLength
	scanClose
	scanChunkSize
	scanChunkExt
	scanChunkLF
	scanData
	scanDataCR
	scanDataLF
	scanTrailer
	scanTrailerText
	scanTrailerTextLF
	scanTrailerLF
	scanEnd
	scanOpaque
)

// A Scanner reads one direction of an HTTP/1 connection. It is pushed: [Scanner.Scan] takes as many
// of the bytes as belong to the next event, in pieces of any size. It cannot fail on content; bytes
// that it cannot read are opaque, from there on. A Scanner holds memory only while a head is
// incomplete, and then at most MaxHead. It must not be copied after first use, nor used by two
// goroutines at the same time.
type Scanner struct {
	Side    Direction
	Pool    *Pool    // may be nil
	Flaw    FlawKind // why it turned opaque
	Content []byte   // the content of the last EventContent; it shares the memory of the scanned bytes

	part   *headBuffer
	state  scanState
	remain int64 // of the content, or of the chunk
	digits uint8 // of a chunk size
	extra  int   // bytes of the trailer section
}

// Resting reports whether the scanner is between two messages.
func (s *Scanner) Resting() bool { return s.state == scanHead && s.part == nil }

// Partial returns the part of an incomplete head. It is valid until the next call.
func (s *Scanner) Partial() []byte {
	if s.part == nil {
		return nil
	}
	return s.part.bytes
}

// Opaque reports whether the scanner has stopped to claim anything.
func (s *Scanner) Opaque() bool { return s.state == scanOpaque }

// Frame sets the content of the message whose head was just reported.
func (s *Scanner) Frame(f Framing) {
	s.release()
	switch f.Kind {
	case FramedByLength:
		s.state, s.remain = scanLength, f.Length
	case FramedByChunks:
		s.state, s.remain, s.digits, s.extra = scanChunkSize, 0, 0, 0
	case FramedByClose:
		s.state = scanClose
	case FramedNot:
		s.Stop()
	default:
		s.state = scanEnd
	}
}

// Stop makes the scanner opaque without an event.
func (s *Scanner) Stop() {
	s.state = scanOpaque
	s.release()
}

// release gives the memory of a head back.
func (s *Scanner) release() {
	if s.part != nil {
		s.Pool.putHead(s.part)
		s.part = nil
	}
}

// Close says that the direction has ended. A message whose content lasts until then ends with it.
func (s *Scanner) Close() Event {
	if s.state == scanClose {
		s.state = scanHead
		return EventEnd
	}
	return EventMore
}

// Scan takes the first n bytes of p and returns what they complete. The caller continues with the
// rest until the event is EventMore, and with no bytes at all if nothing is left: a message without
// content ends without another byte. For EventHead, h holds the head, and its Raw shares the memory
// of p or of the scanner: it is valid until Frame is called. After EventOpaque, h.Raw is the part
// of the message from earlier calls, or the whole of a head that is too long. In the opaque state
// every byte is taken and nothing is reported.
func (s *Scanner) Scan(p []byte, h *Head) (n int, e Event) {
	switch s.state {
	case scanEnd:
		s.state = scanHead
		return 0, EventEnd
	case scanOpaque:
		return len(p), EventMore
	case scanFrame: // the owner did not say; there is nothing that could be claimed
		s.Stop()
		return len(p), EventMore
	}
	if len(p) == 0 {
		return 0, EventMore
	}
	switch s.state {
	case scanHead:
		return s.scanHead(p, h)
	case scanClose:
		s.Content = p
		return len(p), EventContent
	case scanLength:
		return s.scanContent(p, scanEnd)
	}
	return s.scanChunked(p)
}

// scanContent takes content up to the number of bytes that remain.
func (s *Scanner) scanContent(p []byte, next scanState) (int, Event) {
	n := int(min(int64(len(p)), s.remain))
	s.Content = p[:n]
	if s.remain -= int64(n); s.remain == 0 {
		s.state = next
	}
	return n, EventContent
}

// opaque gives up on the direction.
func (s *Scanner) opaque(kind FlawKind, n int) (int, Event) {
	s.Flaw = kind
	s.Stop()
	return n, EventOpaque
}

// scanHead looks for the end of a head: in p alone if it is complete there, else in a copy of the
// bytes so far.
func (s *Scanner) scanHead(p []byte, h *Head) (int, Event) {
	if s.part == nil {
		var b headBuffer
		b.bytes = p[:min(len(p), MaxHead)]
		h.Raw = nil
		if end := b.find(s.Side); end > 0 {
			return s.head(b.bytes[:end], end, h)
		} else if b.start.phase == lineBad {
			return s.opaque(FlawNotHTTP, 0)
		} else if len(p) >= MaxHead {
			h.Raw = b.bytes
			return s.opaque(FlawHeadTooLong, len(b.bytes))
		}
		s.part = s.Pool.head()
		s.part.bytes = append(s.part.bytes, p...)
		s.part.line, s.part.seen, s.part.start = b.line, b.seen, b.start
		return len(p), EventMore
	}
	b, had := s.part, len(s.part.bytes)
	b.bytes = append(b.bytes, p[:min(len(p), MaxHead-had)]...)
	if end := b.find(s.Side); end > 0 {
		return s.head(b.bytes[:end], end-had, h)
	} else if b.start.phase == lineBad {
		h.Raw = append([]byte(nil), b.bytes[:had]...)
		return s.opaque(FlawNotHTTP, 0)
	} else if len(b.bytes) >= MaxHead {
		h.Raw = append([]byte(nil), b.bytes...)
		return s.opaque(FlawHeadTooLong, len(b.bytes)-had)
	}
	return len(p), EventMore
}

// head reports a whole head. Its memory is given back when the owner calls Frame.
func (s *Scanner) head(raw []byte, n int, h *Head) (int, Event) {
	h.Raw = raw
	if s.Side == FromServer {
		h.scanResponse()
	} else {
		h.scanRequest()
	}
	s.state = scanFrame
	return n, EventHead
}

// find goes on through the lines until the empty one. It returns the length of the head, or 0 if it
// has not ended.
func (b *headBuffer) find(side Direction) int {
	for {
		i := bytes.IndexByte(b.bytes[b.seen:], '\n')
		upto := len(b.bytes)
		if i >= 0 {
			upto = b.seen + i + 1
		}
		if b.start.phase < lineDone {
			b.start.feed(side, b.bytes[b.seen:upto])
			if b.start.phase == lineDone && !plausible(side, b.bytes, Span{b.line, lineEnd(b.bytes, b.line)}) {
				b.start.phase = lineBad
			}
			if b.start.phase == lineBad {
				return 0
			}
		}
		b.seen = upto
		if i < 0 {
			return 0
		}
		text := b.bytes[b.line:upto]
		if len(text) == 1 || len(text) == 2 && text[0] == '\r' {
			if b.start.phase == lineDone {
				return upto
			} // else an empty line in front
		}
		b.line = upto
	}
}

// headBuffer is the part of a head that has come so far.
type headBuffer struct {
	bytes []byte
	line  int // where the line begins that has not ended yet
	seen  int // how far it has been searched for its end
	start startLine
}

// skippable is how many bytes come next that are content of known length.
func (s *Scanner) skippable() int64 {
	if s.state != scanLength {
		return 0
	}
	return s.remain
}

// skip steps over n of them. It reports whether the message has ended with them.
func (s *Scanner) skip(n int64) (ended bool) {
	if s.remain -= n; s.remain > 0 {
		return false
	}
	s.state = scanHead
	return true
}
