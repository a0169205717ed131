package wire

import "encoding/binary"

// lastWord reads what one side of a tunnel sent last. The bytes are all that it sent, if whole, or
// else those of the last read. If cut, some in their middle are missing.
func lastWord(b []byte, from Direction, websocket, whole, cut bool) Word {
	switch {
	case len(b) == 0:
		return Word{Kind: WordNothing}
	case cut && websocket:
		return closeAtEnd(b[MaxNext:], from)
	case cut:
		return Word{Kind: WordBytes}
	case endsInAlert(b):
		return Word{Kind: WordAlert}
	case !websocket:
		return Word{Kind: WordBytes}
	}
	for rest := b; ; {
		f, ok := readLast(rest, from)
		switch {
		case ok && f.size == len(rest):
			return f.word(rest)
		case ok && f.size < len(rest):
			rest = rest[f.size:]
			continue
		case ok && whole, whole && len(rest) < 2:
			return Word{Kind: WordCut}
		case whole && endsInAlert(rest):
			return Word{Kind: WordAlert}
		}
		return closeAtEnd(b, from)
	}
}

// A lastFrame is the head of a frame of WebSocket (RFC 6455 §5.2).
type lastFrame struct {
	opcode byte
	head   int // its size, with the masking key
	size   int // of head and payload
}

// readLast reads the head of the frame that b begins with. It is false if no frame of that side
// begins so.
func readLast(b []byte, from Direction) (f lastFrame, ok bool) {
	if len(b) < 2 || (b[1]&0x80 != 0) != (from == FromClient) {
		return f, false
	}
	f.opcode, f.head = b[0]&0x0f, 2
	length := uint64(b[1] & 0x7f)
	control := f.opcode >= 8
	switch {
	case f.opcode > 2 && !control, f.opcode > 10, b[0]&0x30 != 0, control && (b[0]&0xf0 != 0x80 || length > 125):
		return f, false
	case length == 126 && len(b) >= 4:
		f.head, length = 4, uint64(binary.BigEndian.Uint16(b[2:]))
	case length == 127 && len(b) >= 10:
		f.head, length = 10, binary.BigEndian.Uint64(b[2:])
	case length >= 126:
		length = 1 << 16 // more than there is
	}
	if from == FromClient {
		f.head += 4
	}
	const more = 1 << 20 // than anybody keeps
	f.size = f.head + int(min(length, more))
	return f, true
}

// word is what a complete frame says.
func (f lastFrame) word(b []byte) Word {
	w := Word{Kind: [...]string{0: WordPart, 1: WordText, 2: WordBinary, 8: WordClose, 9: WordPing, 10: WordPong}[f.opcode]}
	if w.Kind != WordClose {
		return w
	}
	payload := append([]byte(nil), b[f.head:f.size]...)
	if b[1]&0x80 != 0 {
		for i := range payload {
			payload[i] ^= b[f.head-4+i%4]
		}
	}
	w.Code = NoCode
	if len(payload) >= 2 {
		w.Code, w.Reason = int(binary.BigEndian.Uint16(payload)), string(payload[2:])
	}
	return w
}

// closeAtEnd looks for a Close frame that the bytes end with, where it is not known where frames
// begin.
func closeAtEnd(b []byte, from Direction) Word {
	for i := range b {
		if b[i] != 0x88 {
			continue
		}
		if f, ok := readLast(b[i:], from); ok && f.size == len(b)-i {
			if w := f.word(b[i:]); w.Code >= 1000 && w.Code < 5000 {
				return w
			}
		}
	}
	return Word{Kind: WordBytes}
}

// endsInAlert reports whether the bytes are TLS records of which the last one is an alert (RFC 8446
// §5.1).
func endsInAlert(b []byte) bool {
	const head, alert = 5, 0x15
	for len(b) >= head && b[0] >= 0x14 && b[0] <= 0x17 && b[1] == 3 {
		size := head + int(binary.BigEndian.Uint16(b[3:]))
		if size >= len(b) {
			return size == len(b) && b[0] == alert
		}
		b = b[size:]
	}
	return false
}
