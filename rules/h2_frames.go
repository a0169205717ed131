package rules

import (
	"bytes"
	"encoding/binary"
	"iter"
)

// h2Preface is the start of HTTP/2 as a client sends it (RFC 7540 §3.5); a SETTINGS frame follows.
const h2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// h2Head is the length of the head of an HTTP/2 frame (RFC 7540 §4.1).
const h2Head = 9

// An h2Frame is the head of one HTTP/2 frame.
type h2Frame struct {
	length int // of the payload
	kind   byte
	flags  byte
	stream uint32
}

// settings reports whether this can be a SETTINGS frame (RFC 7540 §6.5): its type says so, it
// belongs to the connection, and its payload consists of settings of six bytes each.
func (f h2Frame) settings() bool { return f.kind == 0x4 && f.stream == 0 && f.length%6 == 0 }

// acknowledges reports whether this is the acknowledgement of a SETTINGS frame that was received.
func (f h2Frame) acknowledges() bool { return f.settings() && f.flags&0x1 != 0 }

// readH2Frame decodes the head of the frame that b begins with; ok is false if b ends within it.
func readH2Frame(b []byte) (f h2Frame, ok bool) {
	if len(b) < h2Head {
		return h2Frame{}, false
	}
	return h2Frame{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]), kind: b[3], flags: b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & 0x7fffffff,
	}, true
}

// h2Frames yields the frames in b, up to the first incomplete one. The head of that one is yielded
// if it is complete.
func h2Frames(b []byte) iter.Seq[h2Frame] {
	return func(yield func(h2Frame) bool) {
		for {
			f, ok := readH2Frame(b)
			if !ok || !yield(f) || len(b) < h2Head+f.length {
				return
			}
			b = b[h2Head+f.length:]
		}
	}
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
