package tlsread

import (
	"bytes"

	"golang.org/x/crypto/cryptobyte"
)

// The numbers of versions and extensions that are read.
const (
	version12 = 0x0303
	version13 = 0x0304

	extServerName = 0
	extALPN       = 16
	extTicket     = 35
	extEarlyData  = 42
	extVersions   = 43
)

// again is the random of a server's hello that asks for another hello of the client (RFC 8446 §4.1.3).
var again = random{
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
}

// A hello is that of one side.
type hello struct {
	random  random
	session string
	version uint16 // of a server: the one that it chose
	suite   uint16 // likewise
	name    string // of a client: the server that it names
	alpn    string // of a server: the protocol that it chose
	ticket  string
	early   bool // it offers early data
}

// readHello reads the content of a hello (RFC 8446 §4.1.2, §4.1.3).
func readHello(b []byte, from Side) (h hello, ok bool) {
	s := cryptobyte.String(b)
	var session, list cryptobyte.String
	if !s.ReadUint16(&h.version) || !s.CopyBytes(h.random[:]) || !s.ReadUint8LengthPrefixed(&session) {
		return h, false
	}
	h.session = string(session)
	if from == Client {
		if !s.ReadUint16LengthPrefixed(&list) || !s.ReadUint8LengthPrefixed(&list) {
			return h, false
		}
	} else {
		var compression uint8
		if !s.ReadUint16(&h.suite) || !s.ReadUint8(&compression) || compression != 0 {
			return h, false
		}
	}
	return h, s.Empty() || h.extensions(&s, from)
}

// extensions reads a list of extensions.
func (h *hello) extensions(s *cryptobyte.String, from Side) bool {
	var list cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&list) {
		return false
	}
	for !list.Empty() {
		var id uint16
		var content cryptobyte.String
		if !list.ReadUint16(&id) || !list.ReadUint16LengthPrefixed(&content) || !h.extension(id, content, from) {
			return false
		}
	}
	return true
}

func (h *hello) extension(id uint16, s cryptobyte.String, from Side) bool {
	var list, item cryptobyte.String
	switch id {
	case extServerName:
		var kind uint8
		if from == Client && s.ReadUint16LengthPrefixed(&list) && list.ReadUint8(&kind) && kind == 0 && list.ReadUint16LengthPrefixed(&item) {
			h.name = readable(item)
		}
	case extALPN:
		if from == Server && s.ReadUint16LengthPrefixed(&list) && list.ReadUint8LengthPrefixed(&item) {
			h.alpn = readable(item)
		}
	case extTicket:
		h.ticket = string(s)
	case extEarlyData:
		h.early = true
	case extVersions:
		return from == Client || s.ReadUint16(&h.version)
	}
	return true
}

// readable is a name, or what of it is printable ASCII.
func readable(name []byte) string {
	const most = 255
	return string(bytes.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, name[:min(len(name), most)]))
}
