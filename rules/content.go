package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-BODY", Level: Should, Party: Client,
	Severity: Severities{Refused: Medium, Switched: High}, Since: "0.1",
	Title: "A client sends no body with a WebSocket handshake, and a server that gets one rejects it or reads it before it switches",
	Problem: Problems{
		Switched: "Server accepted a handshake with a request body (offered: %s)",
		Refused:  "Client sent a request body with its offer of %s",
	},
	Label: "Handshake with a body",
	Refs: []Ref{
		{"9110", "9.3.1", "a client sends no body with GET unless it knows that the server wants one"},
		{"9110", "7.8", "the new protocol starts after the whole request, including its body"},
		{"9931", "7.1", "WebSocket, connect-udp and connect-ip are defined for GET requests without a body only; TLS for any request"},
	},
	Why: `The tunnel starts where the body ends, and servers that never expected a body in a
handshake do not skip it: bytes that everyone on the path takes for a body are read as the first
frames. That gets frames past a filter and, where a proxy shares its connections, past its
bookkeeping: nghttpx up to 1.69.0 mixed up responses of different clients (CVE-2026-58055),
golang.org/x/net/http2/h2c read an unread body as HTTP/2 (CVE-2022-41721), and Node.js before 26
hands the body to the new protocol. For other protocols a body is legal, Docker sends one with
every exec; there this is reported as information only.`,
	Fix: `Reject a WebSocket handshake that announces a body with 400 and Connection: close,
	or read and discard the body before the 101.
Node.js: 26.0.0 or later reads the body before the upgrade event (nodejs/node#60016). There is no
	backport; in earlier releases, reject such requests in the upgrade event. Node.js 22.21 and
	24.9 or later: http.createServer({ shouldUpgradeCallback }) turns them into ordinary requests.
Python websockets: 14 or later. x/net/websocket reads the body as frames: use another library.` + guard,
	needs: needsContent,
	When:  func(c *Case) bool { return len(c.offered) > 0 && announcesContent(c) },
	Judge: func(c *Case) Result {
		switch {
		case c.websocket && c.switched && testsContent(c):
			return judgeContentRead(c)
		case c.websocket || towardsMasque(c):
			res := RefuseSwitch(c)
			if isMisframed(c) {
				return res.rated(Info) // how the content is framed is a rule of its own
			}
			return res
		case !c.switched:
			return c.result(Pass)
		}
		return c.result(Warn).rated(Info)
	},
	Show: func(c *Case, r Result) Shown {
		switch at := c.inRequest("Content-Length", "Transfer-Encoding"); {
		case c.switched && testsContent(c):
			return showContentRead(c, r)
		case c.switched && !c.websocket && !towardsMasque(c):
			return says("Client sent a request body with its offer of %s; the server switched, which is allowed", at, members(c.offered))
		default:
			return seen(at, members(c.offered))
		}
	},
	Probes: []Probe{
		{ID: "UPGRADE-BODY-CL", Class: Body, Risk: Crash, Label: "Body that looks like a frame",
			Edit: Content(ping, Set("Content-Length", "8"))},
		{ID: "UPGRADE-BODY-CHUNKED", Class: Body, Risk: Crash, Label: "Chunked body that looks like a frame",
			Edit: Content("8\r\n"+ping+"\r\n0\r\n\r\n", Set("Transfer-Encoding", "chunked"))},
		{ID: "UPGRADE-BODY-CL0", Class: Either, Label: "Content-Length: 0", Want: "Any valid response; 101 is right",
			Edit: Set("Content-Length", "0")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-101-BEFORE-BODY", Level: Advice, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A server does not send a 101 before it has received the whole request body",
	Problem: Problems{
		Switched: "Server sent the 101 before the request body had arrived",
		Refused:  "Client sent an upgrade request whose body had not arrived",
	},
	Label: "101 before the body",
	Refs: []Ref{
		{"9110", "7.8", "a client starts the new protocol after it has sent its whole request; until then it speaks HTTP"},
	},
	Why: `From its 101 on, the server reads the new protocol, and what arrives next is the
rest of the body. A WebSocket server takes it for frames: whoever controls the body of a forwarded
request, such as a form or an upload, controls the frames. Meanwhile a proxy counts body bytes and
opens its tunnel only after them.`,
	Fix:   `Read the body to its end before the 101, or reject requests that announce one.` + guard,
	needs: needsContent,
	When: func(c *Case) bool {
		return len(c.offered) > 0 && hasContent(c) && (c.X.Response != nil || c.probed())
	},
	Judge: func(c *Case) Result {
		switch {
		case c.X.BodyDone:
			return c.result(Pass)
		case c.switched && testsContent(c): // it waits for a 100: UPGRADE-EXPECT-ORDER
			return c.result(NotApplicable)
		}
		return RefuseSwitch(c)
	},
	Show: func(c *Case, _ Result) Shown {
		at := c.inRequest("Content-Length", "Transfer-Encoding")
		if c.X.Response != nil {
			at = append(at, c.inResponse()...)
		}
		return seen(at)
	},
	Probes: []Probe{
		{ID: "UPGRADE-BODY-WITHHELD", Label: "Announced body that is never sent", Want: "4xx or no answer; never 101 before the body", Also: []string{"UPGRADE-BODY"},
			Edit: Edits(Set("Content-Length", "8"), Withheld(HoldForever))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-EXPECT-ORDER", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A server sends 100 (Continue) before the 101 if the client waits for it with a request body",
	Problem: Problems{
		Switched: "Server sent the 101 without the 100 (Continue) that the client was waiting for",
	},
	Label: "101 without 100 Continue",
	Refs: []Ref{
		{"9110", "7.8", "a server that gets Upgrade together with Expect: 100-continue sends a 100 before it sends a 101"},
		{"9110", "10.1.1", "a client that expects a 100 holds its body back until one arrives, or until it gives up waiting"},
	},
	Why: `The client still holds the body of its request. After a 101 it cannot tell whether
to send it first: if it does, a server that has switched to frames reads the body as frames; if it
does not, a server that waits for the body reads frames as the body. Few libraries follow this
rule; it shows whether a server considers the body at all.`,
	Fix:   `Send 100 and read the body before the 101, or reject the request with 417 or 400.`,
	needs: needsExpect,
	When: func(c *Case) bool {
		return c.switched && expectsContinue(c) && hasContent(c)
	},
	Judge: func(c *Case) Result {
		continued := slices.ContainsFunc(c.X.Interim, func(p *wire.Response) bool { return p.Status == 100 })
		if c.probed() && !continued && !c.X.BodyDone {
			return c.result(Warn) // hardly any server keeps this
		}
		return c.passIf(continued || c.X.BodyDone)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(append(c.inRequest("Expect", "Content-Length", "Transfer-Encoding"), c.inResponse()...))
	},
	Probes: []Probe{
		{ID: "UPGRADE-EXPECT-BODY", Class: Expect, Risk: State, Label: "Expect: 100-continue with a body",
			Edit: Edits(Set("Expect", "100-continue"), Content(ping, Set("Content-Length", "8")), Withheld(HoldUntil100))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-EXPECT-NOBODY", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A client sends Expect: 100-continue only if it has a request body",
	Problem: Problems{
		Switched: "Client sent Expect: %s without a body; the server switched",
		Refused:  "Client sent Expect: %s without a body",
	},
	Label: "Expect without a body",
	Refs: []Ref{
		{"9110", "10.1.1", "a client does not expect a 100 for a request without a body"},
	},
	Why: `There is nothing to continue with. Some servers answer 100 and then 101, some 101 at
once, some 417; proxies that wait for the 100 before they forward anything delay the handshake.
The cause is usually an HTTP library that sets the header on every request.`,
	Fix: `Omit Expect from an upgrade request without a body.
.NET: DefaultRequestHeaders.ExpectContinue = false. curl: -H 'Expect:'.`,
	needs: needsExpect,
	When: func(c *Case) bool {
		return !c.headCut && expectsContinue(c) && c.asks() && !c.X.Request.Ambiguous()
	},
	Judge: func(c *Case) Result {
		if hasContent(c) {
			return c.result(Pass)
		}
		return tolerated(c)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Expect"), requestValues(c, "Expect"))
	},
	Probes: []Probe{
		{ID: "UPGRADE-EXPECT-NOBODY", Class: Either, Label: "Expect: 100-continue without a body",
			Edit: Set("Expect", "100-continue")},
	},
})

// hasContent reports whether the request has a body whose end is known.
func hasContent(c *Case) bool {
	switch c.X.Request.RequestFraming().Kind {
	case wire.FramedByLength, wire.FramedByChunks:
		return true
	}
	return false
}

// announcesContent reports whether the request has a body, even one of unknown length.
func announcesContent(c *Case) bool {
	q := c.X.Request
	if !q.Ambiguous() {
		return hasContent(c)
	}
	for v := range q.Values("Content-Length") {
		if slices.ContainsFunc(q.Text(v), func(b byte) bool { return b != '0' }) {
			return true
		}
	}
	return q.Has("Transfer-Encoding")
}

// towardsMasque reports whether the exchange is about proxying UDP or IP (RFC 9298, RFC 9484).
func towardsMasque(c *Case) bool { return c.towards("connect-udp") || c.towards("connect-ip") }

// expectsContinue reports whether the client holds its body back until it gets a 100.
func expectsContinue(c *Case) bool {
	q := c.X.Request
	for e := range q.Elements("Expect") {
		if wire.EqualFold(q.Text(e), "100-continue") {
			return true
		}
	}
	return false
}
