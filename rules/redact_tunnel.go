package rules

import (
	"bytes"
	"encoding/binary"

	"github.com/interlock-proxy/interlock/wire/ws"
)

// redactAfter returns a copy of the first bytes of one direction of a tunnel, with payload and
// secrets blanked out.
func (o *Options) redactAfter(b []byte, websocket bool) []byte {
	b = append([]byte{}, b[:min(len(b), maxShown)]...)
	switch {
	case o.Full:
	case isStatusLine(b), isRequestLine(b):
		o.redactRequestLine(firstLine(b))
		head := headOf(b)
		o.Redact.redactHead(b[:head])
		blankAll(b[head:])
	case websocket:
		blankPayload(b)
	default:
		blankAll(b[publicIn(b):])
	}
	return b
}

// headOf returns the length of the head that b begins with; all of b if the head does not end.
func headOf(b []byte) int {
	for _, end := range [...]string{"\n\r\n", "\n\n"} {
		if i := bytes.Index(b, []byte(end)); i >= 0 {
			return i + len(end)
		}
	}
	return len(b)
}

// publicIn returns how many bytes at the start of a tunnel belong to the protocol itself and are
// not payload: the preface of HTTP/2 and the head of the frame after it, the head of a TLS record
// with the kind of message in it, the head of a SETTINGS frame.
func publicIn(b []byte) int {
	const tlsHead = 6
	r, ok := readTLSRecord(b)
	tls := ok && r.kind >= 0x14 && r.kind <= 0x17 && r.major == 3
	rest, v := cutH2Preface(b)
	f, h2 := readH2Frame(b)
	switch {
	case tls:
		return min(len(b), tlsHead)
	case v == Pass:
		return len(h2Preface) + min(len(rest), h2Head)
	case v == Unclear:
		return len(b)
	case h2 && f.settings():
		return h2Head
	}
	return 0
}

// blankAll overwrites everything, including line ends, because they have no meaning in payload.
func blankAll(b []byte) {
	for i := range b {
		b[i] = ws.Blank
	}
}

// blankPayload keeps only the bytes of WebSocket frames (RFC 6455 §5.2) that precede the payload, and the
// codes of Close frames (§5.5.1).
func blankPayload(b []byte) {
	for len(b) >= 2 {
		head, length := 2, uint64(b[1]&0x7f)
		switch {
		case length == 126 && len(b) >= 4:
			head, length = 4, uint64(binary.BigEndian.Uint16(b[2:]))
		case length == 127 && len(b) >= 10:
			head, length = 10, binary.BigEndian.Uint64(b[2:])
		case length >= 126:
			return
		}
		if b[1]&0x80 != 0 {
			head += 4
		}
		if len(b) <= head {
			return
		}
		public := uint64(0)
		if b[0]&0x0f == opClose {
			public = min(ws.CodeSize, length, uint64(len(b)-head))
		}
		b = b[head:]
		payload := b[:min(uint64(len(b)), length)]
		blankAll(payload[public:])
		b = b[len(payload):]
	}
}
