package rules

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-EARLY-DATA", Level: Must, Party: Client,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A client sends nothing after a WebSocket handshake until the response has arrived",
	Problem: Problems{
		Switched: "Client sent %s before the 101",
		Refused:  "Client sent %s before the response",
	},
	Label: "Data sent before the 101",
	Refs: []Ref{
		{"6455", "4.1", "a client that has sent its handshake waits for the response before it sends anything more"},
		{"9931", "6.2", "using the new protocol before the response is already forbidden for WebSocket"},
	},
	Why: `The client acts as if the upgrade were certain. If the server rejects it, the server
reads the frames as the next request, written by whoever can choose their content; behind a proxy
the bytes may reach the server before anyone knows whether there will be a tunnel (Cloudflare
Pingora before 0.8, CVE-2026-2833; Envoy, CVE-2025-64763). If the server switches, the result
depends on timing: anycorn and hypercorn serve the frames or answer 400, gorilla/websocket closes
without a response, uWebSockets drops them. A server can do nothing about it.`,
	Fix: `In a client, wait for the 101 before the first frame.
In a proxy, hold back what follows an upgrade request until the status of the response is known.
Pingora: 0.8 or later.`,
	When: func(c *Case) bool {
		return c.websocket && c.X.Response != nil && c.X.BodyDone && earlyKindOf(c) <= earlyBytes &&
			!c.X.Request.Has("Sec-WebSocket-Key1") // hixie-76 has eight bytes there
	},
	Judge: func(c *Case) Result {
		switch {
		case earlyKindOf(c) == earlyNothing:
			return c.result(Pass)
		case c.switched:
			return c.result(Fail)
		case c.forwarded():
			return c.result(Fail).by(Intermediary).rated(Critical)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, r Result) Shown {
		at, data := earlySpans(c, c.X.Early), earlyData(c)
		if r.Party == Intermediary {
			return says("Proxy forwarded %s after the handshake, before the response", at, data)
		}
		return seen(at, data)
	},
	Probes: []Probe{
		{ID: "UPGRADE-SEQ-EARLY", Class: Sequence, Label: "Ping sent before the response", Want: "Any valid response; nothing but WebSocket frames after a 101",
			Edit: Early(Always(ping))},
		{ID: "UPGRADE-SEQ-GARBAGE", Class: Sequence, Risk: Crash, Label: "Garbage bytes sent before the response", Want: "Any valid response; nothing but WebSocket frames after a 101",
			Edit: Early(Always(strings.Repeat("\xde\xad\xbe\xef", 8)))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-PIPELINED", Level: Advice, Party: Client,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A client sends no further request after an offer until the response has arrived",
	Problem: Problems{
		Switched: "Client sent another request before the 101: %s",
		Refused:  "Client sent another request before the response: %s",
	},
	Label: "Pipelined request after offer",
	Refs: []Ref{
		{"9110", "7.8", "what a client sends after its request belongs to the new protocol if the server switches"},
		{"9931", "4.1", "until the status has arrived a client cannot know whether its next bytes are read as the new protocol or as a request"},
		{"6455", "4.1", "a client that has sent a WebSocket handshake waits for the response before it sends anything more"},
	},
	Why: `This is what request smuggling through an upgrade looks like: one side takes the
bytes for a tunnel that it does not inspect, the other takes them for a request, and which of them
is right depends on a response that has not arrived yet. If the server rejects the upgrade and
keeps the connection, the hidden request is answered; if it switches, the request is lost as data.
A client that pipelines in good faith loses its request in the second case. With offers of TLS or
h2c, which servers are expected to ignore, this is harmless while they are ignored and is reported
as information only.`,
	Fix: `In a client, send nothing after a request with Upgrade until it is answered.
In a proxy, forward nothing after an offer before its response, and reject what looks like a
	request there.
In a server, close the connection after you reject an upgrade if bytes follow the request already;
	otherwise keep it.`,
	needs: needsEarly,
	When: func(c *Case) bool {
		return len(c.offered) > 0 && c.X.Request.Method != "CONNECT" && c.X.Response != nil && len(c.X.Early) > 0
	},
	Judge: func(c *Case) Result {
		switch earlyKindOf(c) {
		case earlyPerhapsRequest:
			return c.result(Unclear)
		case earlyRequest:
			if c.switched {
				return c.result(Fail)
			}
			if !c.websocket && !towardsMasque(c) {
				return c.result(Warn).rated(Info)
			}
			return c.result(Warn)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, r Result) Shown {
		at, opening := earlySpans(c, c.X.Early), quoteOpening(c, bytes.TrimLeft(c.X.Early, "\r\n"))
		if r.Verdict == Unclear {
			return says("Client sent what may be another request before the response: %s", at, opening)
		}
		return seen(at, opening)
	},
	Probes: []Probe{
		{ID: "UPGRADE-SEQ-PIPELINE", Class: Sequence, Risk: Crash, Label: "Second request sent before the response", Want: "Any valid response; after a 101, no answer to the second request",
			Edit: Early(again)},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-TRAILING-CRLF", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Medium}, Since: "0.1",
	Title: "A client sends no empty line after an upgrade request",
	Problem: Problems{
		Switched: "Client sent an extra empty line after the upgrade request: %s",
		Refused:  "Client sent an extra empty line after the upgrade request: %s",
	},
	Label: "Extra CRLF after request",
	Refs: []Ref{
		{"9112", "2.2", "a client sends no empty line before or after a request"},
	},
	Why: `After an ordinary request an empty line is ignored. After an accepted offer it
belongs to the tunnel: the WebSocket server reads a frame that starts with CR LF, finds it invalid
and closes the connection. Apache's mod_proxy_wstunnel has forwarded such lines (bug 57436), and
the broken connections were hard to explain.`,
	Fix: `In a client, end the request with the empty line after its headers and send nothing
	more.`,
	needs: needsEarly,
	When:  func(c *Case) bool { return len(c.offered) > 0 && c.X.Response != nil && len(c.X.Early) > 0 },
	Judge: func(c *Case) Result {
		switch kind := earlyKindOf(c); {
		case kind == earlyPerhapsLine:
			return c.result(Unclear)
		case kind != earlyLines:
			return c.result(Pass)
		case c.switched:
			return c.result(Fail)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, r Result) Shown {
		at, opening := earlySpans(c, c.X.Early), beginning(c.X.Early)
		if r.Verdict == Unclear {
			return says("Client sent what may be an extra empty line after the upgrade request: %s", at, opening)
		}
		return seen(at, opening)
	},
	Probes: []Probe{
		{ID: "UPGRADE-SEQ-EXTRA-CRLF", Class: Sequence, Risk: Crash, Label: "Extra empty line after the request", Want: "Any valid response; nothing but WebSocket frames after a 101",
			Edit: Early(Always(crlf))},
	},
})

// An earlyKind says what a client sent after its request and before the response.
type earlyKind uint8

const (
	earlyNothing        earlyKind = iota
	earlyBytes                    // something else
	earlyRequest                  // the start of a request, perhaps after empty lines
	earlyPerhapsRequest           // too little to tell
	earlyLines                    // empty lines only
	earlyPerhapsLine              // too little to tell
)

func earlyKindOf(c *Case) earlyKind {
	b := c.X.Early
	if len(b) == 0 {
		if c.X.EarlyBytes > 0 {
			return earlyBytes
		}
		return earlyNothing
	}
	rest := b
	for bytes.HasPrefix(rest, []byte("\r\n")) {
		rest = rest[2:]
	}
	switch whole := c.X.EarlyBytes == int64(len(b)); {
	case len(rest) == 0 && whole:
		return earlyLines
	case len(rest) == 0, string(rest) == "\r":
		return earlyPerhapsLine
	case isRequestLine(rest):
		return earlyRequest
	case whole && maybeRequestLine(rest):
		return earlyPerhapsRequest
	}
	return earlyBytes
}

// maybeRequestLine reports whether bytes that were cut short may continue as a request line.
func maybeRequestLine(b []byte) bool {
	method, rest, more := bytes.Cut(b, []byte(" "))
	if !wire.IsToken(method) || bytes.ContainsFunc(rest, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
		return false
	}
	target, version, versioned := bytes.Cut(rest, []byte(" "))
	return !more || !versioned || len(target) > 0 && len(version) < len(statusLine) && wire.EqualFold(version, statusLine[:len(version)])
}

// quoteOpening quotes the start of the client's bytes, without payload and secrets.
func quoteOpening(c *Case, b []byte) string {
	shown := c.Options.redactAfter(b, hasProtocol(c.offered, "websocket"))
	if !isRequestLine(b) {
		return beginning(shown)
	}
	return quote(firstLine(shown))
}

// earlySpans returns where the client's early bytes are in the tunnel; without a tunnel, the header
// that they follow.
func earlySpans(c *Case, early []byte) []Span {
	if n := min(len(early), len(c.X.After.Client)); c.switched && n > 0 {
		return []Span{{FromClient, 0, n}}
	}
	return c.inRequest("Upgrade")
}

// earlyData says how many bytes the client sent before the response, and how they begin.
func earlyData(c *Case) string {
	n := fmt.Sprintf("%d bytes", c.X.EarlyBytes)
	if c.X.EarlyBytes == 1 {
		n = "1 byte"
	}
	if len(c.X.Early) == 0 {
		return n
	}
	return n + ", beginning " + quoteOpening(c, c.X.Early) + ","
}
