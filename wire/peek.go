package wire

import (
	"bytes"
	"slices"
	"time"
)

// peek looks at how content begins that lasts until the connection ends, and that answers an offer: where it begins with a
// 101, two have answered. The first took the request for another one, such as a CONNECT.
type peek struct {
	open  bool
	bytes []byte
}

// maxPeek is how many bytes are looked at.
const maxPeek = 128

// peekAt takes content that ends at that place of the server's bytes.
func (c *Conversation) peekAt(p []byte, at int64, now time.Time) {
	k := &c.peek
	room := max(maxPeek-len(k.bytes), 0)
	k.bytes = append(k.bytes, p[:min(len(p), room)]...)
	line := bytes.TrimLeft(k.bytes, "\r\n")
	is, known := switchLine(line)
	switch {
	case is:
		c.stop(slices.Concat(line, p[min(len(p), room):]), at, now)
	case known || len(k.bytes) == maxPeek:
	default:
		return
	}
	*k = peek{}
}
