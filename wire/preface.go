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
	return at == int64(len(http2Preface)) && string(h.Raw) == http2Preface && c.fed[FromServer] == 0 && c.common.readsHTTP2()
}

// serverBeginsHTTP2 reports whether bytes of the server, its first ones, are the beginning of a frame, and the
// client has sent no more than the beginning of the preface: a server need not wait for it (RFC 9113 §3.4).
// No response of HTTP/1 begins with a zero byte.
func (c *Conversation) serverBeginsHTTP2(p []byte, base int64) bool {
	if base > 0 || p[0] != 0 || !c.common.readsHTTP2() {
		return false
	}
	begun := c.clientBegan()
	return c.fed[FromClient] == int64(len(begun)) && bytes.HasPrefix([]byte(http2Preface), begun)
}

// clientBegan returns the beginning of a head that the client has sent.
func (c *Conversation) clientBegan() []byte {
	if c.reading == nil {
		return nil
	}
	return c.up.Partial()
}

// readsHTTP2 reports whether connections may turn out to be HTTP/2.
func (k *Common) readsHTTP2() bool { return k.HTTP2 || k.Probe == "" && !k.Every }

// BeginHTTP2 has a connection be read as HTTP/2 from the first byte of both sides on: they have agreed on it
// (RFC 9113 §3.2).
func (c *Conversation) BeginHTTP2(now time.Time) {
	c.http2, c.opaque = newMultiplex(c.common, now), true
}

// beginHTTP2AtServer has a connection read as HTTP/2 whose server was first.
func (c *Conversation) beginHTTP2AtServer(p []byte, now time.Time) {
	begun := bytes.Clone(c.clientBegan())
	c.BeginHTTP2(now)
	if c.reading != nil {
		c.headSince = time.Time{}
		c.up.Stop()
		c.down.Stop()
	}
	c.http2.feed(FromClient, begun, now)
	c.http2.feed(FromServer, p, now)
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
