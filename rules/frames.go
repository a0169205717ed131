package rules

import (
	"encoding/binary"
	"iter"
)

// A frame is the head of one WebSocket frame (RFC 6455 §5.2).
type frame struct {
	from    int     // where the frame begins in the bytes that were read
	head    int     // length of the head, with the masking key
	first   byte    // FIN, RSV1 to RSV3 and the opcode
	masked  bool    // if set, the payload is masked with key
	key     [4]byte // the masking key
	length  uint64  // of the payload
	minimal bool    // the length is written in its shortest form
}

// The bits of a frame's first byte.
const (
	frameFin   = 0x80
	frameRSV1  = 0x40
	frameRSV2  = 0x20
	frameRSV3  = 0x10
	frameRSV   = 0x70 // all three
	frameCodes = 0x0f // the opcode
)

// The opcodes (RFC 6455 §11.8). Those from opClose on are control frames.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
)

func (f frame) opcode() byte  { return f.first & frameCodes }
func (f frame) fin() bool     { return f.first&frameFin != 0 }
func (f frame) control() bool { return f.opcode() >= opClose }

// payload returns the available part of the frame's payload, as it was sent. The bytes are those
// that the frame was read from.
func (f frame) payload(b []byte) []byte {
	b = b[f.from+f.head:]
	return b[:min(uint64(len(b)), f.length)]
}

// whole reports whether all of the payload is there.
func (f frame) whole(b []byte) bool { return uint64(len(b)-f.from-f.head) >= f.length }

// readFrame decodes the head of the frame that b begins with; ok is false if b ends within it.
func readFrame(b []byte) (f frame, ok bool) {
	if len(b) < 2 {
		return frame{}, false
	}
	f = frame{head: 2, first: b[0], masked: b[1]&0x80 != 0}
	switch n := b[1] & 0x7f; n {
	case 126:
		if len(b) < 4 {
			return frame{}, false
		}
		f.head, f.length = 4, uint64(binary.BigEndian.Uint16(b[2:]))
		f.minimal = f.length > 125
	case 127:
		if len(b) < 10 {
			return frame{}, false
		}
		f.head, f.length = 10, binary.BigEndian.Uint64(b[2:])
		f.minimal = f.length > 0xffff
	default:
		f.length, f.minimal = uint64(n), true
	}
	if f.masked {
		if len(b) < f.head+len(f.key) {
			return frame{}, false
		}
		f.head += copy(f.key[:], b[f.head:])
	}
	return f, true
}

// frames yields the frames in b, up to the first incomplete one. The head of that one is yielded if
// it is complete.
func frames(b []byte) iter.Seq[frame] {
	return func(yield func(frame) bool) {
		for from := 0; ; {
			f, ok := readFrame(b[from:])
			if !ok {
				return
			}
			f.from = from
			if !yield(f) || !f.whole(b) {
				return
			}
			from += f.head + int(f.length)
		}
	}
}
