package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// h2Preface is the start of HTTP/2 as a client sends it (RFC 7540 §3.5); a SETTINGS frame follows.
const h2Preface = h2.Preface

// h2Head is the length of the head of an HTTP/2 frame (RFC 7540 §4.1).
const h2Head = h2.HeadSize

// An h2Frame is the head of one HTTP/2 frame.
type h2Frame struct{ h2.Head }

// settings reports whether this can be a SETTINGS frame (RFC 7540 §6.5): its type says so, it
// belongs to the connection, and its payload consists of settings of six bytes each.
func (f h2Frame) settings() bool {
	return f.Kind() == h2.Settings && f.Stream == 0 && f.Length%6 == 0
}

// readH2Frame decodes the head of the frame that b begins with; ok is false if b ends within it.
func readH2Frame(b []byte) (f h2Frame, ok bool) {
	f.Head, ok = h2.ReadHead(b)
	return f, ok
}

// http2Of returns the facts of the frames after a 101 to h2c, or those of the recorded bytes if the
// tunnel was not read to its end.
func http2Of(c *Case) *h2.Facts {
	if c.http2 == nil {
		c.http2 = c.X.After.HTTP2
	}
	if c.http2 == nil {
		c.http2 = c.X.ReadHTTP2()
	}
	if c.http2 == nil {
		c.http2 = new(h2.Facts)
	}
	return c.http2
}

// cutH2Preface takes the 24 bytes of the client's preface off: Pass if they are there, Unclear if b
// ends within them, Fail if b begins with anything else.
func cutH2Preface(b []byte) (rest []byte, v Verdict) {
	if rest, ok := bytes.CutPrefix(b, []byte(h2Preface)); ok {
		return rest, Pass
	}
	if len(b) < len(h2Preface) && string(b) == h2Preface[:len(b)] {
		return nil, Unclear
	}
	return b, Fail
}
