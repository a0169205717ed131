package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-WS-PROTO-NOT-OFFERED", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server chooses only a subprotocol that the client offered",
	Problem: Problems{
		Switched: "Server chose the subprotocol %s; the client had offered %s",
	},
	Label: "Subprotocol not offered",
	Refs: []Ref{
		{"6455", "4.2.2", "the server chooses one of the client's subprotocols, exactly as written, or names none"},
		{"6455", "4.1", "a client closes the connection if the response names a subprotocol that it did not offer"},
	},
	Why: `Browsers and most libraries close the connection, and the user sees a WebSocket that
never opens. A client that does not check speaks one language while the server speaks another. The
usual causes: the server names its one subprotocol to everyone, also to clients that offer none;
it spells the name differently (names are compared exactly); or it keeps the choice in a variable
that all connections share.`,
	Fix: `Copy the chosen name from the client's list; if none is suitable, omit the header or
	reject with 400.
ws: handleProtocols. Python websockets: subprotocols=[...]. aiohttp:
	WebSocketResponse(protocols=...). Tornado: select_subprotocol. gorilla, coder: Subprotocols.
	Netty: the second argument of WebSocketServerProtocolHandler.`,
	needs: needsSubprotocol,
	When: func(c *Case) bool {
		return switchedToWebSocket(c) && !c.headCut && choseSubprotocol(c)
	},
	Judge: func(c *Case) Result {
		return c.passIf(unofferedSubprotocol(c).Len() == 0)
	},
	Show: func(c *Case, _ Result) Shown {
		v := unofferedSubprotocol(c)
		at, chosen := append(c.inRequest(protocolField), Span{InResponse, v.From, v.To}), quoteSubprotocols(c, &c.X.Response.Head)
		if !c.X.Request.Has(protocolField) {
			return says("Server chose the subprotocol %s; the client had offered none", at, chosen)
		}
		return seen(at, chosen, quoteSubprotocols(c, &c.X.Request.Head))
	},
	Probes: []Probe{
		{ID: "CTRL-WS-PROTO", Class: Accept, Label: "Valid handshake with a subprotocol", Want: "101, choosing no subprotocol or one that was offered",
			Edit: Default(protocolField, "chat")},
		{ID: "UPGRADE-WS-PROTO-NONE", Class: Either, Label: "No Sec-WebSocket-Protocol header", Want: "101 without Sec-WebSocket-Protocol, or a rejection",
			Edit: Without(protocolField)},
		{ID: "UPGRADE-WS-PROTO-ODD", Class: Negotiate, Label: "Unknown subprotocol: zz-audit-none", Want: "101 without Sec-WebSocket-Protocol",
			Edit: Set(protocolField, "zz-audit-none")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-PROTO-MULTI", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server chooses exactly one subprotocol",
	Problem: Problems{
		Switched: "Server chose more than one subprotocol: %s",
	},
	Label: "Several subprotocols in 101",
	Refs: []Ref{
		{"6455", "11.3.4", "Sec-WebSocket-Protocol appears only once in a response"},
		{"6455", "4.2.2", "the value is the one subprotocol that the server has chosen"},
	},
	Why: `Nothing was chosen: the server sent the client's list back, or a proxy added a line
of its own. Clients compare the value as a whole, do not find it among their offers, and close the
connection; those that use the first or last element may disagree with the server on the language.`,
	Fix: `Send back one element of the list, not the header as it came.
nginx, in front: no add_header Sec-WebSocket-Protocol if the backend sends the header itself.`,
	needs: needsSubprotocol,
	When:  func(c *Case) bool { return switchedToWebSocket(c) && choseSubprotocol(c) },
	Judge: func(c *Case) Result {
		p := &c.X.Response.Head
		return c.passIf(p.Count(protocolField) == 1 && bytes.IndexByte(first(p, protocolField), ',') < 0)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(protocolField), quoteSubprotocols(c, &c.X.Response.Head))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-PROTO-EMPTY", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server that chooses no subprotocol sends no Sec-WebSocket-Protocol header",
	Problem: Problems{
		Switched: "Server sent an empty Sec-WebSocket-Protocol header in the 101",
	},
	Label: "Empty Sec-WebSocket-Protocol",
	Refs: []Ref{
		{"6455", "4.2.2", "a server that agrees to no subprotocol omits the header; an empty value is not the same"},
		{"6455", "4.3", "the value is a token, which is never empty"},
	},
	Why: `An empty name is a name that no one offered, and clients that follow the RFC close
the connection. The cause is a program that always writes the header, or a gateway that copies a
variable that is not set.`,
	Fix:   `Write the header only if a subprotocol was chosen.`,
	needs: needsSubprotocol,
	When:  func(c *Case) bool { return switchedToWebSocket(c) && c.X.Response.Has(protocolField) },
	Judge: func(c *Case) Result {
		p := &c.X.Response.Head
		for v := range p.Values(protocolField) {
			if len(bytes.Trim(p.Text(v), " \t,")) == 0 {
				return c.result(Fail)
			}
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(protocolField))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-PROTO-SILENT", Level: Advice, Party: Server,
	Severity: Severities{Refused: Info, Switched: Info, Worst: Medium}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server that switches chooses one of the subprotocols that the client offered",
	Problem: Problems{
		Switched: "Server chose none of the subprotocols that the client offered (%s)",
	},
	Label: "No subprotocol chosen",
	Refs: []Ref{
		{"6455", "4.2.2", "a server that agrees to none of the subprotocols omits the header"},
	},
	Why: `The server may do this, and the client decides whether it continues without. Browsers
do not: as the WHATWG standard says, they close a connection for which they offered subprotocols
and got none, and the page sees a WebSocket that closes at once (Mongoose was reported for that).
So the rule is medium if the request comes from a browser. Other clients continue, so the same
endpoint works in a test and fails on a page. Some offers are not names at all but carry a
credential; the server must then still choose one of the others.`,
	Fix: `Choose one of the client's subprotocols, and reject with 400 if there is none that
	the server speaks.
ws: handleProtocols. Starlette, Channels: accept(subprotocol=...). Kestrel:
	AcceptWebSocketAsync("name"). Spring: DefaultHandshakeHandler.setSupportedProtocols.`,
	needs: needsSubprotocol,
	When: func(c *Case) bool {
		if !switchedToWebSocket(c) || c.headCut {
			return false
		}
		for range c.X.Request.Elements(protocolField) {
			return true
		}
		return false
	},
	Judge: func(c *Case) Result {
		if c.X.Response.Has(protocolField) {
			return c.result(Pass)
		}
		if fromPage(c) {
			return c.result(Warn).rated(c.rule.Severity.Worst)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		text := c.rule.Problem.Switched
		if fromPage(c) {
			text += "; browsers close such a connection"
		}
		return says(text, append(c.inRequest(protocolField), c.inResponse()...), quoteSubprotocols(c, &c.X.Request.Head))
	},
})

// fromPage reports whether a page in a browser opened the WebSocket: other programs do not send both
// headers.
func fromPage(c *Case) bool { return hasBrowserAgent(c) && c.X.Request.Has(originField) }

// switchedToWebSocket reports whether the response is a 101 to a WebSocket handshake.
func switchedToWebSocket(c *Case) bool { return c.websocket && c.switched }

// choseSubprotocol reports whether the response names a subprotocol.
func choseSubprotocol(c *Case) bool {
	for range c.X.Response.Elements(protocolField) {
		return true
	}
	return false
}

// unofferedSubprotocol returns the first subprotocol of the response that the request does not
// offer; empty if there is none.
func unofferedSubprotocol(c *Case) wire.Span {
	q, p := &c.X.Request.Head, &c.X.Response.Head
	offered := map[string]bool{}
	for e := range q.Elements(protocolField) {
		offered[string(q.Text(e))] = true
	}
	for e := range p.Elements(protocolField) {
		if !offered[string(p.Text(e))] {
			return e
		}
	}
	return wire.Span{}
}
