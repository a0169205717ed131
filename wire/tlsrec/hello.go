package tlsrec

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// The numbers of extensions that are read.
const (
	extServerName = 0
	extALPN       = 16
	extVersions   = 43
)

// readHello reads the hello that a handshake record begins with, of which the end may be missing; nil
// if it is none of that side (RFC 8446 §4.1.2, §4.1.3).
func readHello(b []byte, from Side) *Hello {
	const clientHello, serverHello = 1, 2
	c := cursor{b: b}
	kind := c.number(1)
	c.number(3)
	if c.short || kind == clientHello != (from == Client) || kind == serverHello != (from == Server) {
		return nil
	}
	h := &Hello{}
	legacy := Version(c.number(2))
	c.take(32)          // random
	c.take(c.number(1)) // session
	if from == Client {
		c.take(c.number(2)) // cipher suites
		c.take(c.number(1)) // compression
	} else {
		h.Cipher = uint16(c.number(2))
		c.take(1)
	}
	rest := cursor{b: c.take(c.number(2))}
	for len(rest.b) > 0 && !rest.short {
		id := rest.number(2)
		h.extension(id, rest.take(rest.number(2)), from)
	}
	if len(h.Versions) == 0 && legacy != 0 {
		h.Versions = []Version{legacy}
	}
	return h
}

// extension reads an extension, of which the end may be missing.
func (h *Hello) extension(id int, b []byte, from Side) {
	c := cursor{b: b}
	switch id {
	case extServerName:
		for c.take(2); len(c.b) > 0 && h.ServerName == ""; {
			kind := c.number(1)
			if name := c.take(c.number(2)); kind == 0 {
				h.ServerName = readable(name)
			}
		}
	case extALPN:
		for c.take(2); len(c.b) > 0 && len(h.ALPN) < MaxListed; {
			h.ALPN = append(h.ALPN, readable(c.take(c.number(1))))
		}
	case extVersions:
		if from == Client {
			c.take(1)
		}
		for h.Versions = nil; len(c.b) > 1 && len(h.Versions) < MaxListed; {
			if v := Version(c.number(2)); v&0x0f0f != 0x0a0a { // not one that is there to be ignored (RFC 8701)
				h.Versions = append(h.Versions, v)
			}
		}
	}
}

// A cursor takes bytes off the front. Beyond the end it is short.
type cursor struct {
	b     []byte
	short bool
}

// take returns the next n bytes, or as many as there are.
func (c *cursor) take(n int) (p []byte) {
	c.short = c.short || n > len(c.b)
	n = min(n, len(c.b))
	p, c.b = c.b[:n], c.b[n:]
	return p
}

// number returns the next n bytes as a number; 0 if they are not there.
func (c *cursor) number(n int) int {
	p := c.take(n)
	if len(p) < n {
		return 0
	}
	var b [8]byte
	copy(b[8-n:], p)
	return int(binary.BigEndian.Uint64(b[:]))
}

const maxName = 255

// readable returns a name with what is not printable ASCII escaped.
func readable(name []byte) string {
	var b strings.Builder
	for _, c := range name[:min(len(name), maxName)] {
		if c < ' ' || c > '~' || c == '\\' {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// beginsHTTP reports whether the first bytes of what is not a record are those of HTTP/1.
func beginsHTTP(from Side, b []byte) bool {
	if from == Server {
		return strings.HasPrefix(string(b), "HTTP/1.")
	}
	for i, c := range b {
		if c == ' ' {
			return i >= 3
		}
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return false
}
