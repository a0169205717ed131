package wire

import (
	"bytes"
	"time"
)

// http2Preface is how a connection of HTTP/2 begins that was agreed on beforehand (RFC 9113 §3.4), up to
// where a request ends that looks so.
const http2Preface = "PRI * HTTP/2.0\r\n\r\n"

// beginsHTTP2 reports whether a head of the client, which ends at an offset, is the first part of the
// preface of HTTP/2, and the connection is to be read as that.
func (c *Conversation) beginsHTTP2(h *Head, at int64) bool {
	k := c.common
	return at == int64(len(http2Preface)) && string(h.Raw) == http2Preface && c.fed[FromServer] == 0 && (k.HTTP2 || k.Probe == "" && !k.Every)
}

// BeginHTTP2 has a connection be read as HTTP/2 from the first byte of both sides on: they have agreed on it
// (RFC 9113 §3.2).
func (c *Conversation) BeginHTTP2(now time.Time) {
	c.http2, c.opaque = newMultiplex(c.common, now), true
}

// beginHTTP2 has the rest of the connection read as HTTP/2.
func (c *Conversation) beginHTTP2(h *Head, now time.Time) {
	begun := bytes.Clone(h.Raw)
	c.http2, c.opaque = newMultiplex(c.common, now), true
	c.headSince = time.Time{}
	c.up.Stop()
	c.down.Stop()
	c.http2.feed(FromClient, begun, now)
}
