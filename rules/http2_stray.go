package rules

import (
	"strconv"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/h2"
)

var _ = register(Rule{
	ID: "UPGRADE-H2-KEY", Level: Advice, Party: Client,
	Severity: Severities{Refused: Info, Switched: Low}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client sends no Sec-WebSocket-Key in HTTP/2, and a server no Sec-WebSocket-Accept",
	Problem: Problems{
		Switched: "Client sent Sec-WebSocket-Key in an extended CONNECT; the server accepted it",
		Refused:  "Client sent Sec-WebSocket-Key in an extended CONNECT",
	},
	Label: "Key in extended CONNECT",
	Refs: []Ref{
		{"8441", "5", "Sec-WebSocket-Key and Sec-WebSocket-Accept are not processed in HTTP/2: :protocol takes their place"},
	},
	Why: `A client that sends the key usually waits for Sec-WebSocket-Accept, and gives up at
every server that follows the RFC. A server that answers with it was written for such a client, and a gateway
that adds a key of its own forwards two.`,
	Fix: `In a client, leave the key out and do not ask for Sec-WebSocket-Accept. In a server,
	ignore the key.
Node.js: undici sends the key over HTTP/2 and fails without Sec-WebSocket-Accept; use HTTP/1.1 there.`,
	When: func(c *Case) bool { return extended(c) && !c.headCut },
	Judge: func(c *Case) Result {
		switch {
		case c.X.Response != nil && c.X.Response.Has(acceptField):
			return c.result(Warn).by(Server)
		case c.own():
			return c.keyDemanded()
		case c.X.Request.Has(keyField):
			return c.result(Warn)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, r Result) Shown {
		if r.Party == Server {
			if c.X.Response != nil && c.X.Response.Has(acceptField) {
				return says("Server sent Sec-WebSocket-Accept in answer to an extended CONNECT", c.inResponse(acceptField))
			}
			return says("Server accepts an extended CONNECT only with Sec-WebSocket-Key; without it, it answered %s", c.inRequest(keyField), strconv.Itoa(c.X.Control))
		}
		return seen(c.inRequest(keyField))
	},
	Probes: []Probe{
		either2("UPGRADE-H2-KEY-SOUND", "Sec-WebSocket-Key in extended CONNECT", Edits(FieldAlso("sec-websocket-key", keySample))),
		either2("UPGRADE-H2-KEY-BAD", "Invalid Sec-WebSocket-Key in extended CONNECT", FieldAlso("sec-websocket-key", "x")),
		either2("UPGRADE-H2-KEY-ACCEPT", "Sec-WebSocket-Accept in extended CONNECT", FieldAlso("sec-websocket-accept", "HSmrc0sMlYUkAGmm5OPpG2HaGWk=")),
	},
})

// keySample is a valid Sec-WebSocket-Key.
const keySample = "dGhlIHNhbXBsZSBub25jZQ=="

// keyDemanded judges the answer to a probe with a key: it fails if that is accepted where the same request
// without one is rejected.
func (c *Case) keyDemanded() Result {
	if c.switched && c.X.Controls == wire.ControlsRefused && c.X.Control/100 == 4 {
		return c.result(Fail).by(Server)
	}
	return RefuseSwitch(c)
}

var _ = register(Rule{
	ID: "UPGRADE-H2-CONTENT", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Medium}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client sends no Content-Length in a CONNECT",
	Problem: Problems{
		Switched: "Client sent Content-Length: %s in a CONNECT; the server accepted it",
		Refused:  "Client sent Content-Length: %s in a CONNECT",
	},
	Label: "Content-Length in CONNECT",
	Refs: []Ref{
		{"9110", "9.3.6", "a CONNECT request has no content"},
		{"9113", "8.1.1", "a Content-Length that is not the sum of the DATA frames makes a request malformed"},
	},
	Why: `Some servers count the bytes of the tunnel against it and cut the tunnel after so
many, others ignore it. A gateway that writes it into HTTP/1.1 lets the server behind it take what
follows for a request body.`,
	Fix:  `Leave Content-Length out of a CONNECT. In a gateway, never copy it into HTTP/1.1.`,
	When: func(c *Case) bool { return c.X.Request.Method == "CONNECT" && !c.headCut },
	Judge: func(c *Case) Result {
		switch {
		case c.own():
			return RefuseSwitch(c)
		case !c.X.Request.Has("Content-Length"):
			return c.result(Pass)
		}
		return tolerated(c)
	},
	Show: func(c *Case, r Result) Shown {
		if r.Party == Server && c.switched {
			return says("Server accepted a CONNECT with Content-Length: %s", c.inRequest("Content-Length"), requestValues(c, "Content-Length"))
		}
		return seen(c.inRequest("Content-Length"), requestValues(c, "Content-Length"))
	},
	Probes: []Probe{
		either2("UPGRADE-H2-CL-0", "Content-Length: 0 in extended CONNECT", FieldAlso("content-length", "0")),
		soft2("UPGRADE-H2-CL-5", "Content-Length: 5 in extended CONNECT", FieldAlso("content-length", "5")),
		either2("UPGRADE-H2-CL-5-BODY", "Content-Length: 5, and DATA of 14 bytes", FieldAlso("content-length", "5"), EarlyParts(StreamPart{Kind: h2.Data, Data: Ping + Ping})),
		malformed2("UPGRADE-H2-CL-BAD", "Content-Length: x in extended CONNECT", FieldAlso("content-length", "x")),
		either2("UPGRADE-H2-EXPECT", "Expect: 100-continue in extended CONNECT", FieldAlso("expect", "100-continue")),
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2-WS-STRAY", Level: Advice, Party: Client,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client asks for a WebSocket over HTTP/2 by :protocol, and not by the headers of a handshake",
	Problem: Problems{
		Refused: "Client sent %s in an ordinary request in HTTP/2: no server can take it for a WebSocket handshake",
	},
	Label: "Stray handshake headers",
	Refs: []Ref{
		{"8441", "5", "a WebSocket over HTTP/2 is opened by a CONNECT with :protocol"},
	},
	Why: `The client wanted a WebSocket and will not get one. It is what curl sends for
-H 'Upgrade: websocket' where it has chosen HTTP/2: it leaves out Upgrade and Connection, and sends the
rest.`,
	Fix: `Use HTTP/1.1 for the handshake.
curl: --http1.1`,
	When: func(c *Case) bool {
		return !c.headCut && (extended(c) || straysHandshake(c))
	},
	Judge: func(c *Case) Result {
		if straysHandshake(c) {
			return c.result(Warn)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		name := keyField
		if !c.X.Request.Has(keyField) {
			name = versionField
		}
		return seen(c.inRequest(keyField, versionField), name)
	},
})

// straysHandshake reports whether a request in HTTP/2 has headers of a WebSocket handshake and asks for
// nothing.
func straysHandshake(c *Case) bool {
	q := c.X.Request
	return q.Method != "CONNECT" && !q.Has(":protocol") && !q.Has("Upgrade") && (q.Has(keyField) || q.Has(versionField))
}

var _ = register(Rule{
	ID: "UPGRADE-H2-SETTINGS-FIELD", Level: Advice, Party: Client,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client sends no HTTP2-Settings header in HTTP/2",
	Problem: Problems{
		Refused: "Client sent HTTP2-Settings in HTTP/2, without an offer of h2c",
	},
	Label: "HTTP2-Settings in HTTP/2",
	Refs: []Ref{
		{"9113", "3.1", "HTTP2-Settings belongs to the upgrade to h2c, which is obsolete"},
		{"9113", "8.2.2", "headers that were listed in Connection are left out in HTTP/2"},
	},
	Why: `The header only means something beside an offer of h2c in HTTP/1.1. Here it is a
remainder of one, or an attempt to see which gateway copies it.`,
	Fix: `Leave it out. In a gateway, never copy it into HTTP/1.1.`,
	When: func(c *Case) bool {
		return !c.headCut && (extended(c) && !tunnelsHTTP(c) || c.X.Request.Has("HTTP2-Settings")) && !c.X.Request.Has("Upgrade") && !tunnelsHTTP(c)
	},
	Judge: func(c *Case) Result {
		switch {
		case c.own():
			return RefuseSwitch(c)
		case c.X.Request.Has("HTTP2-Settings"):
			return c.result(Warn)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown { return seen(c.inRequest("HTTP2-Settings")) },
	Probes: []Probe{
		either2("UPGRADE-H2-FIELD-H2SETTINGS", "HTTP2-Settings beside :protocol", FieldAlso("http2-settings", h2cSettings)),
	},
})
