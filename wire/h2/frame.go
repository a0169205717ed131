package h2

import (
	"encoding/binary"
	"fmt"
)

// Preface is what a client sends before its first frame (RFC 9113 §3.4).
const Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// HeadSize is the size of the head of a frame (RFC 9113 §4.1).
const HeadSize = 9

// A Type is the type of a frame (RFC 9113 §6).
type Type uint8

// The types of frames.
const (
	Data Type = iota
	Headers
	Priority
	Reset
	Settings
	Push
	Ping
	GoAway
	WindowUpdate
	Continuation
	Other // any other type
	Types = iota
)

// typeAltSvc is the type of ALTSVC frames (RFC 7838 §4), which are counted as Other.
const typeAltSvc = 0xa

// String returns the name of the type as RFC 9113 writes it, in lower case.
func (t Type) String() string {
	return [...]string{
		"data", "headers", "priority", "rst_stream", "settings", "push_promise", "ping", "goaway", "window_update", "continuation", "other",
	}[min(t, Other)]
}

// The flags of frames (RFC 9113 §6).
const (
	FlagEndStream  = 0x1
	FlagEndHeaders = 0x4
	flagAck        = 0x1
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// A Head is the head of a frame.
type Head struct {
	Length uint32
	Type   uint8 // as it was sent
	Flags  uint8
	Stream uint32
}

// ReadHead decodes the head of the frame that b begins with. It is false if b ends within it.
func ReadHead(b []byte) (h Head, ok bool) {
	if len(b) < HeadSize {
		return h, false
	}
	return Head{
		Length: uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]), Type: b[3], Flags: b[4],
		Stream: binary.BigEndian.Uint32(b[5:]) & 0x7fffffff,
	}, true
}

// Kind returns the type of the frame.
func (h Head) Kind() Type { return min(Type(h.Type), Other) }

func (h Head) has(flag uint8) bool { return h.Flags&flag != 0 }

// alternative reports whether the frame is an ALTSVC frame.
func (h Head) alternative() bool { return h.Type == typeAltSvc }

// content reports whether the frame has data of a stream or a part of a field block.
func (h Head) content() bool {
	switch h.Kind() {
	case Data, Headers, Push, Continuation:
		return true
	}
	return false
}

// prefix returns how many bytes of the payload come before the content: the length of the padding, and
// a priority or the promised stream.
func (h Head) prefix() (n uint32) {
	t := h.Kind()
	if h.has(flagPadded) && (t == Data || t == Headers || t == Push) {
		n++
	}
	switch {
	case t == Headers && h.has(flagPriority):
		n += 5
	case t == Push:
		n += 4
	}
	return n
}

// A Code is an error code (RFC 9113 §7).
type Code uint32

// The codes that are counted by themselves are those up to maxCode.
const maxCode = 0xd

// String returns the name of the code, or its number.
func (c Code) String() string {
	if c > maxCode {
		return fmt.Sprintf("%#x", uint32(c))
	}
	return [...]string{
		"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
		"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
	}[c]
}

// A Setting is a parameter of a SETTINGS frame (RFC 9113 §6.5.1).
type Setting struct {
	ID    uint16
	Value uint32
}

// The settings that matter to a reader (RFC 9113 §6.5.2).
const (
	settingTable    = 1
	settingPush     = 2
	settingStreams  = 3
	settingWindow   = 4
	settingMaxFrame = 5
	settingMaxList  = 6
)

// The bounds of SETTINGS_MAX_FRAME_SIZE; the lower one applies before the first SETTINGS frame.
const (
	minMaxFrame = 1 << 14
	maxMaxFrame = 1<<24 - 1
)

// MaxSettings is how many settings are kept of a side.
const MaxSettings = 16

// ReadSettings reads the payload of a SETTINGS frame, up to MaxSettings of its parameters.
func ReadSettings(payload []byte) (all []Setting) {
	for ; len(payload) >= 6 && len(all) < MaxSettings; payload = payload[6:] {
		all = append(all, readSetting(payload))
	}
	return all
}

func readSetting(b []byte) Setting {
	return Setting{binary.BigEndian.Uint16(b), binary.BigEndian.Uint32(b[2:])}
}

// wrong reports whether the value is one that the receiver must not accept.
func (s Setting) wrong() bool {
	switch s.ID {
	case settingPush:
		return s.Value > 1
	case settingWindow:
		return s.Value > 1<<31-1
	case settingMaxFrame:
		return s.Value < minMaxFrame || s.Value > maxMaxFrame
	}
	return false
}
