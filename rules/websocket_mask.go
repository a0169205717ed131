package rules

import (
	"bytes"
	"fmt"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

var _ = register(Rule{
	ID: "UPGRADE-WS-UNMASKED", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Medium, Worst: Critical}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client masks every frame, and a server closes the connection at an unmasked one",
	Problem: Problems{
		Switched: "Server answered an unmasked frame from the client: frame %s",
	},
	Label: "Unmasked client frame accepted",
	Refs: []Ref{
		{"6455", "5.1", "a client masks all frames that it sends, and a server closes the connection at an unmasked one"},
		{"6455", "5.3", "client frames are masked with a 32-bit key, whatever runs below WebSocket"},
	},
	Why: `Without a mask a client puts bytes on the wire that someone else has chosen: a
script can write what looks like a request to a proxy that does not support WebSocket, and so
poison its cache or bypass it. Browsers always mask; a server that accepts unmasked frames talks
to something that is not a browser and follows no framing rule, or reads bytes that were never
meant as frames, such as a body. WebSocket-Node 1.0.35 accepts them. If the server was seen to
answer such a frame, the rule is critical and the server is at fault.`,
	Fix: `In a server, close with 1002 at the first unmasked frame from a client.
In a client, mask every frame with a new random key.
Tornado, WebSocket-Node and other libraries do not check and have no option for it: report it, use
	another library, or let a proxy that parses frames terminate WebSocket. ws, gorilla/websocket,
	coder/websocket and Python websockets check.`,
	needs: needsSwitch | needsBytes,
	When:  func(c *Case) bool { return framed13(c) && len(c.X.After.Client) > 0 },
	Judge: func(c *Case) Result {
		s := scanFrames(c, FromClient)
		fault := s.fault(ws.FaultMask)
		ended := c.X.After.ServerClosed || c.X.Cause == wire.CauseServer || c.X.Cause == wire.CauseServerReset
		switch {
		case fault == nil:
			return judgeWithoutFault(c, s)
		case answeredFrame(c, fault):
			return c.result(Fail).by(Server).rated(c.rule.Severity.Worst)
		case c.probed():
			if ended || serverCloses(c) {
				return c.result(Pass).by(Server)
			}
			return c.result(Unclear).by(Server)
		}
		return c.result(Fail)
	},
	Show: func(c *Case, r Result) Shown {
		fault := scanFrames(c, FromClient).fault(ws.FaultMask)
		if fault == nil {
			return says("Client sent no complete frame", []Span{{FromClient, 0, len(c.X.After.Client)}})
		}
		at, frame := frameSpan(c, FromClient, fault), frameName(fault)
		switch {
		case r.Party != Server:
			return says("Client sent an unmasked frame: frame %s%s", at, frame, closedFor(c))
		case r.Verdict == Unclear:
			return says("Server neither answered an unmasked frame nor closed the connection", at)
		}
		return seen(at, frame)
	},
	Probes: []Probe{
		{ID: "UPGRADE-SEQ-UNMASKED", Class: Sequence, Risk: Crash, Label: "Unmasked text frame after the 101", Want: "101, then the connection is closed (1002), no reply to the frame",
			Edit: After(Always("\x81\x02hi"))},
		frame2("UNMASKED", "an unmasked text frame", "\x81\x08"+frameText),
		frameProbe("UNMASKED", "an unmasked text frame", FramesFail, "\x81\x08"+frameText),
		frameProbe("UNMASKED-PING", "an unmasked ping", FramesFail, "\x89\x08"+frameText),
		frameProbe("UNMASKED-LATE", "a message whose second fragment is unmasked", FramesFail, frame13(opText, "a"), "\x80\x08"+frameText),
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-MASKED-SERVER", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server sends unmasked frames",
	Problem: Problems{
		Switched: "Server sent a masked frame: frame %s",
	},
	Label: "Masked server frame",
	Refs: []Ref{
		{"6455", "5.1", "a server does not mask what it sends, and a client closes the connection at a masked frame"},
	},
	Why: `Clients that follow the RFC close the connection. A masked frame from the server's
side is often not the server's: a proxy sends the client's own bytes back, or two connections are
mixed up and one client receives what another one sent.`,
	Fix: `Use the server side of the library for what the server writes; only clients mask.
If the server's own frames are unmasked, look at the proxy: it may mix up the two directions or
	two connections.`,
	needs: needsSwitch | needsBytes,
	When:  func(c *Case) bool { return framed13(c) && len(c.X.After.Server) > 0 },
	Judge: func(c *Case) Result {
		s := scanFrames(c, FromServer)
		if s.fault(ws.FaultMask) != nil {
			return c.result(Fail)
		}
		return judgeWithoutFault(c, s)
	},
	Show: func(c *Case, _ Result) Shown {
		fault := scanFrames(c, FromServer).fault(ws.FaultMask)
		if fault == nil {
			return says("Server sent no complete frame", []Span{{FromServer, 0, len(sentAfter(c, FromServer))}})
		}
		return seen(frameSpan(c, FromServer, fault), frameName(fault))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-MASK-CONST", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client masks each frame with a new random key",
	Problem: Problems{
		Switched: "Client used the masking key %s for two frames",
	},
	Label: "Masking key reused",
	Refs: []Ref{
		{"6455", "10.3", "a client chooses a new masking key for each frame, in a way that the application that provides the data cannot predict"},
		{"6455", "5.3", "the key is random and cannot be derived from earlier ones"},
	},
	Why: `Whoever knows the key chooses the bytes on the wire, which masking is meant to
prevent: a script that has seen one frame, or a key that is always zero, can write a request into
the tunnel that a proxy takes for one. A server cannot prevent this.`,
	Fix: `Take four bytes from the system's random source for each frame. Do not set a fixed
	or empty key to save time, as some libraries offer for tests.`,
	needs: needsSwitch | needsBytes,
	When:  func(c *Case) bool { return framed13(c) && len(c.X.After.Client) > 0 },
	Judge: func(c *Case) Result {
		keyed, first, _ := repeatedMask(c)
		s := scanFrames(c, FromClient)
		switch {
		case first >= 0, s.ZeroKeys > 1, s.RepeatedKeys > s.count>>20: // two of a million random ones rarely are the same
			return c.result(Fail)
		case keyed < 2:
			return c.result(NotApplicable)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		_, first, second := repeatedMask(c)
		if s := scanFrames(c, FromClient); first < 0 && s.ZeroKeys > 1 {
			return says("Client masked %s frames with a key of zeros", nil, fmt.Sprint(s.ZeroKeys))
		} else if first < 0 {
			return says("Client used the masking key of the frame before for %s frames", nil, fmt.Sprint(s.RepeatedKeys))
		}
		b := c.X.After.Client
		return seen([]Span{{FromClient, first, first + 4}, {FromClient, second, second + 4}}, fmt.Sprintf("%x", b[first:first+4]))
	},
})

// judgeWithoutFault judges one side's frames if the fault in question is not among them.
func judgeWithoutFault(c *Case, s *frameScan) Result {
	switch {
	case s.count > 0:
		return c.result(Pass)
	case s.http:
		return c.result(NotApplicable)
	}
	return c.result(Unclear)
}

// answeredFrame reports whether the server's frames show that it read that frame of the client: a
// pong has the payload of the ping, or an echo that of the message.
func answeredFrame(c *Case, fault *ws.Fault) bool {
	q, b := c.X.After.Client, c.X.After.Server
	if s := scanFrames(c, FromClient); fault.Count == s.count && s.Pings.Answered > 0 {
		return true // none of its frames has a mask
	}
	f, ok := faultyFrame(c, fault)
	if !ok || !f.whole(q) || f.masked {
		return false
	}
	payload, reply := f.payload(q), f.opcode()
	switch {
	case reply == opPing:
		reply = opPong
	case reply >= opClose, len(payload) < 2:
		return false
	}
	for g := range frames(b) {
		if g.opcode() == reply && g.whole(b) && !g.masked && bytes.Equal(g.payload(b), payload) {
			return true
		}
	}
	return false
}

// serverCloses reports whether there is a close frame among the first frames of the server.
func serverCloses(c *Case) bool {
	for f := range frames(c.X.After.Server) {
		if f.opcode() == opClose {
			return true
		}
	}
	return false
}

// maxKeys is how many masking keys are compared with each other.
const maxKeys = 32

// repeatedMask looks for two frames of the client with the same key. It returns how many frames
// were compared, and the offsets of the keys; first is -1 if no key is repeated. Frames without
// payload do not count.
func repeatedMask(c *Case) (keyed, first, second int) {
	var keys [maxKeys]struct {
		key [4]byte
		at  int
	}
	b := c.X.After.Client
	for f := range frames(b) {
		if mayBeHTTP(b[f.from:], FromClient) || misframed(f) || keyed == maxKeys {
			break
		}
		if f.length == 0 {
			continue
		}
		at := f.from + f.head - len(f.key)
		for _, k := range keys[:keyed] {
			if k.key == f.key {
				return keyed + 1, k.at, at
			}
		}
		keys[keyed].key, keys[keyed].at = f.key, at
		keyed++
	}
	return keyed, -1, -1
}

// misframed reports whether the head of a client's frame is invalid, other than by its reserved bits
// and its place among others.
func misframed(f frame) bool {
	reserved := f.opcode() > opBinary && f.opcode() < opClose || f.opcode() > opPong
	return !f.masked || reserved || f.control() && (!f.fin() || f.length > 125) || !f.minimal || f.length>>63 != 0
}
