package ui

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/net/http2"
)

// A frameRow is the header of a frame after a switch. Payload is not shown.
type frameRow struct {
	From   string `json:"from"` // client or server
	At     int    `json:"at"`   // of its first byte
	Name   string `json:"name"`
	Flags  string `json:"flags"`
	Length uint64 `json:"length"`
	Cut    bool   `json:"cut"` // it continues after the kept bytes
}

// framesOf reads the frames in the first bytes of one side.
func framesOf(protocol, from string, b []byte) []frameRow {
	switch protocol {
	case "websocket":
		return webSocketFrames(from, b)
	case "h2c":
		return http2Frames(from, b)
	}
	return nil
}

// webSocketFrames reads the heads of frames (RFC 6455 §5.2).
func webSocketFrames(from string, b []byte) (all []frameRow) {
	for at := 0; at+2 <= len(b); {
		f := frameRow{From: from, At: at, Name: opcode(b[at] & 0x0f), Length: uint64(b[at+1] & 0x7f)}
		head := 2
		switch {
		case f.Length == 126 && at+4 <= len(b):
			f.Length, head = uint64(binary.BigEndian.Uint16(b[at+2:])), 4
		case f.Length == 127 && at+10 <= len(b):
			f.Length, head = binary.BigEndian.Uint64(b[at+2:]), 10
		case f.Length >= 126:
			return all
		}
		if b[at]&0x80 != 0 {
			f.Flags = "FIN"
		}
		for i, name := range []string{"RSV1", "RSV2", "RSV3"} {
			if b[at]&(0x40>>i) != 0 {
				f.Flags += " " + name
			}
		}
		if b[at+1]&0x80 != 0 {
			f.Flags += " MASK"
			head += 4
		}
		f.Cut = at+head > len(b) || f.Length > uint64(len(b)-at-head)
		all = append(all, f)
		if f.Cut {
			return all
		}
		at += head + int(f.Length)
	}
	return all
}

func opcode(op byte) string {
	if name, ok := map[byte]string{0: "continuation", 1: "text", 2: "binary", 8: "close", 9: "ping", 10: "pong"}[op]; ok {
		return name
	}
	return fmt.Sprintf("opcode %d", op)
}

// http2Frames reads the headers of frames (RFC 9113 §4.1), after the preface of a client (§3.4).
func http2Frames(from string, b []byte) (all []frameRow) {
	at := 0
	if n := len(http2.ClientPreface); len(b) >= n && string(b[:n]) == http2.ClientPreface {
		all = append(all, frameRow{From: from, Name: "preface", Length: uint64(n)})
		at = n
	}
	for at+9 <= len(b) {
		length := int(b[at])<<16 | int(b[at+1])<<8 | int(b[at+2])
		f := frameRow{
			From: from, At: at, Name: http2.FrameType(b[at+3]).String(), Length: uint64(length), Cut: length > len(b)-at-9,
			Flags: fmt.Sprintf("0x%02x, stream %d", b[at+4], binary.BigEndian.Uint32(b[at+5:])&0x7fffffff),
		}
		all = append(all, f)
		if f.Cut {
			return all
		}
		at += 9 + length
	}
	return all
}
