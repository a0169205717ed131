package rules

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// A FrameTest is what a probe of frames sends after the 101, and how a server should react. The
// frames follow a ping that the server has answered, see [Ping]; see [FrameReaction] for what the
// server does then.
type FrameTest struct {
	What    string        // the frame, with its article, in the middle of a sentence
	Sends   string        // the bytes of the frames
	Expects FrameReaction // what a server should do
}

// A FrameReaction is how a server reacts to frames.
type FrameReaction uint8

// The reactions.
const (
	FramesFail     FrameReaction = iota // it closes the connection with a code for an error, or without a close frame (RFC 6455 §7.1.7); if it does neither soon, [Later] is sent
	FramesMayFail                       // it fails the connection too, but only the sender breaks the RFC
	FramesPass                          // it reads on: [Later] is sent, and it answers that
	FramesPong                          // it answers the last ping among the frames
	FramesClose                         // it answers the close frame with the same code
	FramesHangUp                        // it answers the close frame and ends the TCP connection
	FramesDiscard                       // it reads nothing after the close frame
	FramesTooLarge                      // it closes the connection before that much has come
)

// Later is a masked ping with the payload PingLater. If a server answers it, it has read on after the
// frames before it.
const (
	Later     = "\x89\x82\x12\x34\x56\x78\x7d\x5a"
	PingLater = "on"
)

const (
	frameText = "il-frame"         // the payload of frames that a server must not accept; no header has it
	frameKey  = "\x12\x34\x56\x78" // their masking key
)

// expectation describes the reaction as that of a probe; see [Probe.Expectation].
func (r FrameReaction) expectation() string {
	return [...]string{
		FramesFail:     "101, then the connection is closed (1002), no reply to the frame or to a later ping",
		FramesMayFail:  "101, then the connection is closed (1002); a server that reads on breaks no rule",
		FramesPass:     "101, and a later ping is answered",
		FramesPong:     "101, then a pong with the payload of the ping",
		FramesClose:    "101, then a close frame with the same code",
		FramesHangUp:   "101, then a close frame, and the server ends the TCP connection",
		FramesDiscard:  "101, then a close frame, and no reply to what follows it",
		FramesTooLarge: "101, then the connection is closed (1009)",
	}[r]
}

// frameProbe returns a probe of frames. Frames that a server must reject end some programs: Node's
// ws throws an exception if the program does not listen to errors.
func frameProbe(id, what string, expects FrameReaction, sends ...string) Probe {
	p := Probe{
		ID: "UPGRADE-FRAME-" + id, Class: Sequence, Risk: Crash, Label: labelOf(what), Want: expects.expectation(), Edit: Without(extensionField),
		Frames: &FrameTest{What: what, Sends: strings.Join(sends, ""), Expects: expects},
	}
	if expects != FramesFail && expects != FramesMayFail && expects != FramesTooLarge {
		p.Risk = Harmless
	}
	return p
}

// wants returns the probe with another code in its expectation.
func (p Probe) wants(code string) Probe {
	p.Want = strings.Replace(p.Want, "1002", code, 1)
	return p
}

// compressed returns the probe with an offer of permessage-deflate. Its frames are sent only if the
// server accepts that.
func (p Probe) compressed() Probe {
	p.Edit = Edits(Set(extensionField, permessageDeflate), func(h *Handshake) { h.Agreed = permessageDeflate })
	return p
}

// labelOf returns a noun without its article, as a title.
func labelOf(what string) string {
	for _, article := range [...]string{"a ", "an "} {
		what = strings.TrimPrefix(what, article)
	}
	return strings.ToUpper(what[:1]) + what[1:]
}

// frame13 returns a masked frame whose first byte is given.
func frame13(first byte, payload string) string {
	return maskedFrame(string([]byte{first, 0x80 | byte(len(payload))}), payload)
}

// maskedFrame returns a masked frame with that head, which lacks the key.
func maskedFrame(head, payload string) string {
	b := []byte(payload)
	for i := range b {
		b[i] ^= frameKey[i%len(frameKey)]
	}
	return head + frameKey + string(b)
}

// longFrame returns a masked frame whose length is written in 16 bits.
func longFrame(first byte, payload string) string {
	return maskedFrame(string(binary.BigEndian.AppendUint16([]byte{first, 0x80 | 126}, uint16(len(payload)))), payload)
}

// hugeFrame returns a masked frame whose length is written in 64 bits, which need not be that of the
// payload.
func hugeFrame(first byte, length uint64, payload string) string {
	return maskedFrame(string(binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, length)), payload)
}

// closeWith returns a close frame with a code and a reason.
func closeWith(code uint16, reason string) string {
	return frame13(frameFin|opClose, string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

// stored returns text as DEFLATE writes it without compression, as a message of permessage-deflate
// (RFC 7692 §7.2.3.3): readers with and without the extension find the text in it.
func stored(text string) string {
	n := uint16(len(text))
	head := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16([]byte{0}, n), ^n)
	return string(head) + text + "\x00"
}

// manyPings returns ten pings with different payloads.
func manyPings() string {
	var b strings.Builder
	for i := range 10 {
		b.WriteString(frame13(frameFin|opPing, "ping "+strconv.Itoa(i)))
	}
	return b.String()
}
