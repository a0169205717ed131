package rules

import (
	"bytes"
	"fmt"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-WS-UNMASKED", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Medium, Worst: Critical}, Since: "0.1",
	Title: "A client masks every frame, and a server closes the connection at an unmasked one",
	Problem: Problems{
		Switched: "Server answered an unmasked frame from the client: frame %s",
	},
	Label: "Unmasked client frame accepted",
	Refs: []Ref{
		{"6455", "5.1", "a client masks all frames it sends, and a server closes the connection at one that is not masked"},
		{"6455", "5.3", "frames from a client are masked with a key of 32 bits, whatever runs below WebSocket"},
	},
	Why: `Without a mask a client puts bytes on the wire that somebody else has chosen: a script can write what looks like a
request to an intermediary that does not know WebSocket, and so fill its cache or get past it. Browsers always mask; a
server that accepts frames without a mask talks to something that is not a browser and looks at no rule of the
framing, or reads bytes that were never meant as frames, such as those of a body. WebSocket-Node 1.0.35 accepts them.
Where the server was seen to answer such a frame, the rule is critical and the fault is the server's.`,
	Fix: `In a server, close with 1002 at the first frame from a client that has no mask.
In a client, mask every frame with a new random key.
In several libraries the check is missing or off by default (WebSocket-Node among them): look for it, or use another one
	where clients are not trusted.`,
	When: func(c *Case) bool { return framed13(c) && len(c.X.After.Client) > 0 },
	Judge: func(c *Case) Result {
		s := scanFrames(c, FromClient)
		ended := c.X.After.ServerClosed || c.X.Cause == wire.CauseServer || c.X.Cause == wire.CauseServerReset
		switch {
		case s.faults&faultMask == 0:
			return judgeWithoutFault(c, s)
		case answeredFrame(c, s.last):
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
		s := scanFrames(c, FromClient)
		at := []Span{{FromClient, s.last.from, s.last.from + s.last.head}}
		frame := fmt.Sprintf("%d (%s)", s.count, s.last.name())
		switch {
		case s.faults&faultMask == 0:
			return says("Client sent no complete frame", []Span{{FromClient, 0, len(c.X.After.Client)}})
		case r.Party != Server:
			return says("Client sent an unmasked frame: frame %s", at, frame)
		case r.Verdict == Unclear:
			return says("Server neither answered an unmasked frame nor closed the connection", at)
		}
		return seen(at, frame)
	},
	Probes: []Probe{
		{ID: "UPGRADE-SEQ-UNMASKED", Class: Sequence, Risk: Crash, Label: "Unmasked text frame after the 101", Want: "101, then the connection is closed (1002), no reply to the frame",
			Edit: After(Always("\x81\x02hi"))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-MASKED-SERVER", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A server sends unmasked frames",
	Problem: Problems{
		Switched: "Server sent a masked frame: frame %s",
	},
	Label: "Masked server frame",
	Refs: []Ref{
		{"6455", "5.1", "a server does not mask what it sends, and a client closes the connection at a masked frame"},
	},
	Why: `Clients that keep to the RFC drop the connection. A masked frame from the server's side is often not the
server's: an intermediary sends the client's own bytes back, or two connections are crossed and one client is handed
what another one sent.`,
	Fix: `Use the server's half of the library for what the server writes; masks are the client's.
Where the server's own frames have no mask, look at the intermediary: it may mix up the two directions or two
	connections.`,
	When: func(c *Case) bool { return framed13(c) && len(c.X.After.Server) > 0 },
	Judge: func(c *Case) Result {
		s := scanFrames(c, FromServer)
		if s.faults&faultMask != 0 {
			return c.result(Fail)
		}
		return judgeWithoutFault(c, s)
	},
	Show: func(c *Case, _ Result) Shown {
		s := scanFrames(c, FromServer)
		if s.faults == 0 {
			return says("Server sent no complete frame", []Span{{FromServer, 0, len(sentAfter(c, FromServer))}})
		}
		f := s.last
		return seen([]Span{{FromServer, f.from, f.from + f.head}}, fmt.Sprintf("%d (%s)", s.count, f.name()))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-MASK-CONST", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A client masks each frame with a new random key",
	Problem: Problems{
		Switched: "Client used the masking key %s for two frames",
	},
	Label: "Masking key reused",
	Refs: []Ref{
		{"6455", "10.3", "a client chooses a new masking key for each frame, in a way that the application which provides the data cannot foresee"},
		{"6455", "5.3", "the key is random and does not follow from those before it"},
	},
	Why: `Who knows the key chooses the bytes on the wire, and against that the mask was made: a script that has seen one
frame, or a key that is always zero, can write a request into the tunnel which an intermediary takes for one. The
server cannot protect anybody from it.`,
	Fix: `Take four bytes from the system's source of randomness for each frame. Do not set a fixed or empty key to save
	time, as some libraries offer for tests.`,
	When: func(c *Case) bool { return framed13(c) && len(c.X.After.Client) > 0 },
	Judge: func(c *Case) Result {
		keyed, first, _ := repeatedMask(c)
		switch {
		case keyed < 2:
			return c.result(NotApplicable)
		case first >= 0:
			return c.result(Fail)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		_, first, second := repeatedMask(c)
		b := c.X.After.Client
		return seen([]Span{{FromClient, first, first + 4}, {FromClient, second, second + 4}}, fmt.Sprintf("%x", b[first:first+4]))
	},
})

// judgeWithoutFault is the verdict on one side's frames where the fault in question is not among them.
func judgeWithoutFault(c *Case, s *frameScan) Result {
	switch {
	case s.count > 0:
		return c.result(Pass)
	case s.http:
		return c.result(NotApplicable)
	}
	return c.result(Unclear)
}

// answeredFrame reports whether the server's frames show that it has read that frame of the client: a pong carries what the ping
// did, or an echo what the message did.
func answeredFrame(c *Case, f frame) bool {
	q, b := c.X.After.Client, c.X.After.Server
	if !f.whole(q) || f.masked {
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

// repeatedMask looks for two frames of the client with the same key: how many frames were compared, and where the keys
// stand; first is -1 if no key comes twice. What carries no payload is not masked by its key.
func repeatedMask(c *Case) (keyed, first, second int) {
	var keys [maxKeys]struct {
		key [4]byte
		at  int
	}
	b := c.X.After.Client
	for f := range frames(b) {
		if mayBeHTTP(b[f.from:], FromClient) || faultsOf(c, f, FromClient, f.opcode() == opContinuation)&^faultReserved != 0 || keyed == maxKeys {
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
