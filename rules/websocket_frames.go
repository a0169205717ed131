package rules

import (
	"bytes"
	"fmt"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-WS-RSV", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A client or server sets reserved bits only as an accepted extension defines them",
	Problem: Problems{
		Switched: "%s set reserved bits in a frame: frame %s %s",
	},
	Label: "Unexpected reserved bits",
	Refs: []Ref{
		{"6455", "5.2", "RSV1, RSV2 and RSV3 are 0 unless an extension that was agreed on gives them a meaning; who receives others fails the connection"},
		{"7692", "6", "RSV1 says that a message is compressed: it is never set in a control frame, nor in a frame that continues a message"},
	},
	Why: `The other side must drop the connection. The usual reason is compression without agreement: an intermediary took
Sec-WebSocket-Extensions out of one of the two heads, and one side compresses what the other one reads as text. Bytes
that are no frames at all show here too, as all letters have RSV1 set: an error page, a request, text of another
protocol.`,
	Fix: `Use compression only if the 101 has accepted permessage-deflate, and set RSV1 only in the first frame of a message.
Intermediaries: pass Sec-WebSocket-Extensions through unchanged in both heads, or take it out of both.`,
	When:  framed13,
	Judge: func(c *Case) Result { return judgeFrames(c, faultReserved) },
	Show: func(c *Case, r Result) Shown {
		return showFrame(c, r, func(f frame) string {
			bits := fmt.Sprintf("has RSV bits %03b; ", f.first&frameRSV>>4)
			switch deflate, other := acceptedExtensions(c); {
			case other:
				return bits + "the extensions " + responseValues(c, extensionField) + " may define them"
			case deflate:
				return bits + "permessage-deflate does not set them there"
			}
			return bits + "no extension was accepted"
		})
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-OPCODE", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A client or server uses only defined opcodes and fragments messages in order",
	Problem: Problems{
		Switched: "%s sent an invalid frame: frame %s %s",
	},
	Label: "Invalid opcode or fragment",
	Refs: []Ref{
		{"6455", "5.2", "opcodes 3 to 7 and B to F are reserved, and who receives one fails the connection"},
		{"6455", "5.4", "a continuation goes on with a message that has begun, and no other message begins before that one has ended"},
	},
	Why: `The other side must drop the connection. A first frame that continues nothing, or a type that does not exist,
mostly means that the two do not agree where the frames begin: bytes of the handshake, of a body or of an error page
stand in front of them, or an intermediary lost some. Two readers that skip to different places see different
messages.`,
	Fix: `Begin the frames directly behind the empty line of the handshake, and frame messages with a maintained library.
Where the first frames are right without an intermediary and wrong behind one, the intermediary adds or loses bytes.`,
	When:  framed13,
	Judge: func(c *Case) Result { return judgeFrames(c, faultOpcode) },
	Show: func(c *Case, r Result) Shown {
		return showFrame(c, r, func(f frame) string {
			switch f.opcode() {
			case opContinuation:
				return "continues a message, but none has started"
			case opText, opBinary:
				return "starts a message inside another one"
			}
			return fmt.Sprintf("has the reserved opcode %#x", f.opcode())
		})
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-CONTROL", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A client or server sends control frames unfragmented and with at most 125 bytes of payload",
	Problem: Problems{
		Switched: "%s sent an invalid control frame: frame %s %s",
	},
	Label: "Invalid control frame",
	Refs: []Ref{
		{"6455", "5.5", "close, ping and pong frames have at most 125 bytes of payload and are not fragmented"},
	},
	Why: `Servers keep the payload of a control frame in a small buffer, because the RFC bounds it; a longer one is how that
buffer is overrun or memory is exhausted. Who keeps to the RFC drops the connection.`,
	Fix:   `Cut the reason of a close frame to 123 bytes, and what a ping carries to 125; refuse longer ones with close code 1002.`,
	When:  framed13,
	Judge: func(c *Case) Result { return judgeFrames(c, faultControl) },
	Show: func(c *Case, r Result) Shown {
		return showFrame(c, r, func(f frame) string {
			if !f.fin() {
				return "is fragmented"
			}
			return fmt.Sprintf("carries %d bytes", f.length)
		})
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-LENGTH", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A client or server writes frame lengths in the shortest form and below 2^63",
	Problem: Problems{
		Switched: "%s sent a frame with an invalid length: frame %s %s",
	},
	Label: "Invalid frame length",
	Refs: []Ref{
		{"6455", "5.2", "a length takes the fewest bytes that can hold it, and the top bit of one of 64 bits is 0"},
	},
	Why: `A length that can be written in two ways is one that two readers can read differently; filters that go by the
short form miss the message in the long one. The top bit makes the length negative in languages whose integers are
signed, and a check for too long a frame then passes.`,
	Fix: `Write lengths up to 125 in seven bits, up to 65,535 in 16 and others in 64; refuse anything else with close code
	1002, and compare with the limit before anything is allocated.`,
	When:  framed13,
	Judge: func(c *Case) Result { return judgeFrames(c, faultLength) },
	Show: func(c *Case, r Result) Shown {
		return showFrame(c, r, func(f frame) string {
			if f.length>>63 != 0 {
				return fmt.Sprintf("states the length %#x", f.length)
			}
			return fmt.Sprintf("states the length %d in more bytes than needed", f.length)
		})
	},
})

// framed13 reports whether what follows the 101 are the frames of RFC 6455, and some of them were recorded. Versions 7 and
// 8 have the same frames; what a handshake without a key or of another version leads to is not defined.
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
	if len(c.chosen) > 0 && !hasProtocol(c.chosen, "websocket") || !c.X.Request.Has(keyField) {
		return false
	}
	foreign := otherVersion(c)
	return foreign == "" || foreign == "7" || foreign == "8"
}

// sentAfter are the first bytes from one side behind the 101.
func sentAfter(c *Case, from Part) []byte {
	if from == FromServer {
		return c.X.After.Server
	}
	return c.X.After.Client
}

// mayBeHTTP reports whether the bytes of one side are HTTP, or too few to tell from it. No sound frame begins with a letter:
// RSV1 is set in all of them.
func mayBeHTTP(b []byte, from Part) bool {
	if from == FromClient {
		b = bytes.TrimLeft(b, "\r\n")
		return len(b) > 0 && b[0]&frameRSV1 != 0 && (isRequestLine(b) || perhapsRequestLine(b))
	}
	n := min(len(b), len(statusLine))
	return wire.EqualFold(b[:n], statusLine[:n])
}

// acceptedExtensions reports whether the 101 has accepted permessage-deflate, and whether it has accepted any other
// extension.
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

// judgeFrames judges a rule about the frames of either side, and names the side that broke it. What an extension may
// allow that nobody here knows is unclear. That a side's only frame is cut is for the rules about masks to say.
func judgeFrames(c *Case, fault frameFault) Result {
	verdict := NotApplicable
	for _, from := range [...]Part{FromServer, FromClient} {
		s := scanFrames(c, from)
		switch {
		case s.faults&fault != 0:
			if _, other := acceptedExtensions(c); other && fault&(faultReserved|faultOpcode) != 0 {
				return c.result(Unclear).by(partyOf(from))
			}
			return c.result(Fail).by(partyOf(from))
		case s.count > 0:
			verdict = Pass
		}
	}
	return c.result(verdict)
}

func partyOf(from Part) Party {
	if from == FromServer {
		return Server
	}
	return Client
}

// showFrame shows what is wrong with the frame that was judged, or that no frame was complete.
func showFrame(c *Case, r Result, what func(frame) string) Shown {
	from := FromServer
	if r.Party == Client {
		from = FromClient
	}
	s := scanFrames(c, from)
	if s.faults == 0 {
		return says("%s sent no complete frame", []Span{{from, 0, len(sentAfter(c, from))}}, subjectOf(from))
	}
	f := s.last
	return seen([]Span{{from, f.from, f.from + f.head}}, subjectOf(from), fmt.Sprintf("%d (%s)", s.count, f.name()), what(f))
}

// subjectOf names one side at the beginning of a sentence.
func subjectOf(from Part) string {
	if from == FromServer {
		return "Server"
	}
	return "Client"
}

// name is what the frame is, in a word.
func (f frame) name() string {
	switch f.opcode() {
	case opContinuation:
		return "continuation"
	case opText:
		return "text"
	case opBinary:
		return "binary"
	case opClose:
		return "close"
	case opPing:
		return "ping"
	case opPong:
		return "pong"
	}
	return fmt.Sprintf("opcode %#x", f.opcode())
}
