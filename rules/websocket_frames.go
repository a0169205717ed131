package rules

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

var _ = register(Rule{
	ID: "UPGRADE-WS-RSV", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client or server sets reserved bits only as an accepted extension defines them",
	Problem: Problems{
		Switched: "%s set reserved bits in a frame: frame %s %s",
	},
	Label: "Unexpected reserved bits",
	Refs: []Ref{
		{"6455", "5.2", "RSV1, RSV2 and RSV3 are 0 unless an agreed extension defines them; a recipient of others fails the connection"},
		{"7692", "6", "RSV1 says that a message is compressed: it is never set in a control frame, nor in a frame that continues a message"},
	},
	Why: `The other side must close the connection. The usual cause is compression without
agreement: a proxy removed Sec-WebSocket-Extensions from one of the two messages, and one side
compresses what the other reads as text. Bytes that are not frames at all show up here too, since
all letters have RSV1 set: an error page, a request, text of another protocol.`,
	Fix: `Use compression only if the 101 accepted permessage-deflate, and set RSV1 only in
	the first frame of a message.
In a proxy, forward Sec-WebSocket-Extensions unchanged in request and response, or remove it from
	both.`,
	needs: needsSwitch | needsBytes,
	When:  framed13,
	Judge: func(c *Case) Result { return judgeFrames(c, ws.FaultReserved) },
	Show: func(c *Case, r Result) Shown {
		return showFrame(c, r, func(f *ws.Fault) string {
			bits := fmt.Sprintf("has RSV bits %03b; ", f.First&frameRSV>>4)
			switch deflate, other := acceptedExtensions(c); {
			case other:
				return bits + "the extensions " + responseValues(c, extensionField) + " may define them"
			case deflate:
				return bits + "permessage-deflate does not set them there"
			}
			return bits + "no extension was accepted"
		}, ws.FaultReserved)
	},
	Probes: []Probe{
		{ID: "UPGRADE-SEQ-RSV1", Class: Sequence, Risk: Crash, Label: "Compressed frame after the 101, without agreement", Want: "101, then the connection is closed (1002), no reply to the frame",
			Edit: Edits(Without(extensionField), After(Always("\xc1\x82\x12\x34\x56\x78\x7a\x5d")))},
		frame2("RSV1", "a frame with bit RSV1 and no extension", frame13(frameFin|frameRSV1|opBinary, stored(frameText))),
		frameProbe("RSV1", "a frame with bit RSV1 and no extension", FramesFail, frame13(frameFin|frameRSV1|opBinary, stored(frameText))),
		frameProbe("RSV2", "a frame with bit RSV2", FramesFail, frame13(frameFin|frameRSV2|opText, frameText)),
		frameProbe("RSV3", "a frame with bit RSV3", FramesFail, frame13(frameFin|frameRSV3|opText, frameText)),
		frameProbe("RSV1-PING", "a ping with bit RSV1", FramesFail, frame13(frameFin|frameRSV1|opPing, frameText)),
		frameProbe("RSV1-CONTINUATION", "a compressed message with RSV1 in two fragments", FramesFail,
			frame13(frameRSV1|opBinary, stored(frameText)[:5]), frame13(frameFin|frameRSV1|opContinuation, stored(frameText)[5:])).compressed(),
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-OPCODE", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client or server uses only defined opcodes and fragments messages in order",
	Problem: Problems{
		Switched: "%s sent an invalid frame: frame %s %s",
	},
	Label: "Invalid opcode or fragment",
	Refs: []Ref{
		{"6455", "5.2", "opcodes 3 to 7 and B to F are reserved, and a recipient of one fails the connection"},
		{"6455", "5.4", "a continuation continues a message that has started, and no other message starts before that one has ended"},
	},
	Why: `The other side must close the connection. A first frame that continues nothing, or a
type that does not exist, usually means that both sides disagree on where the frames start: bytes
of the handshake, of a body or of an error page come before them, or a proxy lost some. Two
readers that skip to different places see different messages.`,
	Fix: `Start the frames directly after the empty line of the handshake, and use a
	maintained library to write messages.
If the first frames are valid without a proxy and invalid behind one, the proxy adds or loses
	bytes.`,
	needs: needsSwitch | needsBytes,
	When:  framed13,
	Judge: func(c *Case) Result { return judgeFrames(c, ws.FaultOpcode, ws.FaultOrder) },
	Show: func(c *Case, r Result) Shown {
		return showFrame(c, r, func(f *ws.Fault) string {
			switch f.First & frameCodes {
			case opContinuation:
				return "continues a message, but none has started"
			case opText, opBinary:
				return "starts a message inside another one"
			}
			return fmt.Sprintf("has the reserved opcode %#x", f.First&frameCodes)
		}, ws.FaultOpcode, ws.FaultOrder)
	},
	Probes: []Probe{
		frame2("OPCODE", "a frame with the reserved opcode 3", frame13(frameFin|0x3, frameText)),
		frameProbe("OPCODE-3", "a frame with the reserved opcode 3", FramesFail, frame13(frameFin|0x3, frameText)),
		frameProbe("OPCODE-B", "a frame with the reserved opcode B", FramesFail, frame13(frameFin|0xb, frameText)),
		frameProbe("CONTINUATION", "a continuation without a message", FramesFail, frame13(frameFin|opContinuation, frameText)),
		frameProbe("INTERLEAVED", "a text frame inside a fragmented message", FramesFail, frame13(opText, "a"), frame13(frameFin|opText, frameText)),
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-CONTROL", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client or server sends control frames unfragmented and with at most 125 bytes of payload",
	Problem: Problems{
		Switched: "%s sent an invalid control frame: frame %s %s",
	},
	Label: "Invalid control frame",
	Refs: []Ref{
		{"6455", "5.5", "close, ping and pong frames have at most 125 bytes of payload and are not fragmented"},
	},
	Why: `Servers keep the payload of a control frame in a small buffer, because the RFC
limits it; a longer one overruns that buffer or exhausts memory. A peer that follows the RFC
closes the connection.`,
	Fix: `Cut the reason of a close frame to 123 bytes, and the payload of a ping to 125;
	reject longer ones with close code 1002.`,
	needs: needsSwitch | needsBytes,
	When:  framed13,
	Judge: func(c *Case) Result { return judgeFrames(c, ws.FaultControl) },
	Show: func(c *Case, r Result) Shown {
		return showFrame(c, r, func(f *ws.Fault) string {
			if f.First&frameFin == 0 {
				return "is fragmented"
			}
			return fmt.Sprintf("carries %d bytes", f.Length)
		}, ws.FaultControl)
	},
	Probes: []Probe{
		frameProbe("PING-FRAGMENTED", "a fragmented ping", FramesFail, frame13(opPing, frameText), frame13(frameFin|opContinuation, frameText)),
		frameProbe("PING-126", "a ping of 126 bytes", FramesFail, longFrame(frameFin|opPing, frameText+strings.Repeat("x", 126-len(frameText)))),
		frameProbe("CLOSE-FRAGMENTED", "a fragmented close frame", FramesFail, frame13(opClose, "\x03\xe8")),
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-LENGTH", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client or server writes frame lengths in the shortest form and below 2^63",
	Problem: Problems{
		Switched: "%s sent a frame with an invalid length: frame %s %s",
	},
	Label: "Invalid frame length",
	Refs: []Ref{
		{"6455", "5.2", "a length uses the fewest bytes that can hold it, and the top bit of a 64-bit length is 0"},
	},
	Why: `Two readers can read a length differently if it can be written in two ways; filters
that use the short form miss the message in the long one. The top bit makes the length negative in
languages with signed integers, and a check for frames that are too long then passes.`,
	Fix: `Write lengths up to 125 in seven bits, up to 65,535 in 16 and others in 64. Reject
	anything else with close code 1002, and compare with your limit before you allocate memory.`,
	needs: needsSwitch | needsBytes,
	When:  framed13,
	Judge: func(c *Case) Result { return judgeFrames(c, ws.FaultLength) },
	Show: func(c *Case, r Result) Shown {
		return showFrame(c, r, func(f *ws.Fault) string {
			if f.Length>>63 != 0 {
				return fmt.Sprintf("states the length %#x", f.Length)
			}
			return fmt.Sprintf("states the length %d in more bytes than needed", f.Length)
		}, ws.FaultLength)
	},
	Probes: []Probe{
		{ID: "UPGRADE-SEQ-LENGTH-OVER", Class: Sequence, Risk: Crash, Label: "Frame of 2^64-1 bytes announced after the 101", Want: "101, then the connection is closed (1002)",
			Edit: After(Always(announced(0xff)))},
		frameProbe("LENGTH-16", "a frame whose length of 8 is in 16 bits", FramesMayFail, longFrame(frameFin|opText, frameText)),
		frameProbe("LENGTH-64", "a frame whose length of 8 is in 64 bits", FramesMayFail, hugeFrame(frameFin|opText, uint64(len(frameText)), frameText)),
		frameProbe("LENGTH-SIGN", "a frame of 2^63 bytes announced", FramesFail, hugeFrame(frameFin|opBinary, 1<<63, "")),
	},
})

// framed13 reports whether frames of RFC 6455 follow the 101, and some of them were recorded.
// Versions 7 and 8 have the same frames; what follows a handshake without a key or with another
// version is undefined.
func framed13(c *Case) bool {
	if c.framing == 0 {
		c.framing = 1
		if readsFrames13(c) {
			c.framing = 2
		}
	}
	return c.framing == 2
}

func readsFrames13(c *Case) bool {
	if !c.websocket || !c.switched || !c.X.Complete || len(c.X.After.Client)+len(c.X.After.Server) == 0 {
		return false
	}
	if len(c.chosen) > 0 && !hasProtocol(c.chosen, "websocket") || !c.X.Request.HTTP2() && !c.X.Request.Has(keyField) {
		return false
	}
	if c.X.Request.HTTP2() && documentSign(c) != "" { // a document follows
		return false
	}
	foreign := otherVersion(c)
	return foreign == "" || foreign == "7" || foreign == "8"
}

// sentAfter returns the first bytes from one side after the 101.
func sentAfter(c *Case, from Part) []byte {
	if from == FromServer {
		return c.X.After.Server
	}
	return c.X.After.Client
}

// mayBeHTTP reports whether the bytes of one side are HTTP, or too few to tell. No valid frame
// starts with a letter, since all letters have RSV1 set.
func mayBeHTTP(b []byte, from Part) bool {
	if from == FromClient {
		b = bytes.TrimLeft(b, "\r\n")
		return len(b) > 0 && b[0]&frameRSV1 != 0 && (isRequestLine(b) || perhapsRequestLine(b))
	}
	n := min(len(b), len(statusLine))
	return wire.EqualFold(b[:n], statusLine[:n])
}

// acceptedExtensions reports whether the 101 accepts permessage-deflate, and whether it accepts
// another extension.
func acceptedExtensions(c *Case) (deflate, other bool) {
	p := c.X.Response
	for e := range p.Elements(extensionField) {
		name, _, _ := bytes.Cut(p.Text(e), []byte(";"))
		if wire.EqualFold(bytes.TrimSpace(name), "permessage-deflate") {
			deflate = true
		} else {
			other = true
		}
	}
	return deflate, other
}
