package lab

import (
	"encoding/binary"
	"io"

	"github.com/interlock-proxy/interlock/wire"
)

// remask passes the frames of a client on with another key, until they end.
func remask(to, from *hopConn) error {
	key := [4]byte{1, 2, 3, 4}
	for {
		head := make([]byte, 2, 14)
		if _, err := io.ReadFull(from.br, head); err != nil {
			return err
		}
		length := uint64(head[1] & 0x7f)
		switch length {
		case 126:
			head = head[:4]
			_, _ = io.ReadFull(from.br, head[2:])
			length = uint64(binary.BigEndian.Uint16(head[2:]))
		case 127:
			head = head[:10]
			_, _ = io.ReadFull(from.br, head[2:])
			length = binary.BigEndian.Uint64(head[2:])
		}
		var own [4]byte
		if _, err := io.ReadFull(from.br, own[:]); err != nil || length > maxHead {
			return io.ErrUnexpectedEOF
		}
		payload := make([]byte, length)
		if _, err := io.ReadFull(from.br, payload); err != nil {
			return err
		}
		if length < 126 { // whatever the client has written (RFC 6455 §5.2)
			head = []byte{head[0], 0x80 | byte(length)}
		}
		for i := range payload {
			payload[i] ^= own[i%4] ^ key[i%4]
		}
		if _, err := to.Write(append(append(head, key[:]...), payload...)); err != nil {
			return err
		}
	}
}

func offersH2C(q *wire.Request) bool {
	for _, p := range q.Protocols() {
		if p.Is("h2c") {
			return q.HasOption("upgrade")
		}
	}
	return false
}

// speakH2C accepts h2c, and passes the request on without the offer. What would be HTTP/2 after that
// is left out.
func (h *Hop) speakH2C(client *hopConn, q *wire.Request) (again bool) {
	b, err := h.dial(h.backend)
	if err != nil {
		return false
	}
	defer h.drop(b)
	_, _ = io.WriteString(client, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	_, _ = io.WriteString(b, h.outgoing(client, q, false))
	_, _ = wholeHead(b)
	return false
}
