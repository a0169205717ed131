package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-WS-PROTO-NOT-OFFERED", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "a 101 names only a subprotocol that the client offers",
	Refs: []Ref{
		{"6455", "4.2.2", "the server takes one of the client's subprotocols, exactly as it is written, or names none"},
		{"6455", "4.1", "a client drops the connection if the answer names a subprotocol that it did not offer"},
	},
	Why: `Browsers and most libraries drop the connection, and the user sees a WebSocket that never opens. A client that
does not look speaks one language while the server speaks another. The usual reasons: the server names its one
subprotocol to everybody, also to clients that offer none; it spells the name in other letters (they are compared
exactly); or it keeps the choice in a variable that all connections share, so that the answer is that to somebody else's
offer.`,
	Fix: `Copy the chosen name from the client's list; if none of it suits, leave the field out or refuse with 400.`,
	When: func(c *Case) bool {
		return switchedToWebSocket(c) && !c.headCut && choseSubprotocol(c)
	},
	Judge: func(c *Case) Result {
		return c.passIf(unofferedSubprotocol(c).Len() == 0)
	},
	Show: func(c *Case, _ Result) (string, []Span) {
		saw := "Sec-WebSocket-Protocol " + quoteSubprotocols(c, &c.X.Response.Head) + ", none was offered"
		if c.X.Request.Has(protocolField) {
			saw = "Sec-WebSocket-Protocol " + quoteSubprotocols(c, &c.X.Response.Head) + ", offered was " + quoteSubprotocols(c, &c.X.Request.Head)
		}
		v := unofferedSubprotocol(c)
		return saw, append(c.inRequest(protocolField), Span{InResponse, v.From, v.To})
	},
	Probes: []Probe{
		{ID: "CTRL-WS-PROTO", Class: Accept, Title: "a sound handshake with a subprotocol", Edit: Default(protocolField, "chat")},
		{ID: "UPGRADE-WS-PROTO-NONE", Class: Either, Title: "no subprotocol offered", Edit: Without(protocolField)},
		{ID: "UPGRADE-WS-PROTO-ODD", Class: Negotiate, Title: "a subprotocol that nobody has", Edit: Set(protocolField, "zz-audit-none")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-PROTO-MULTI", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "a 101 names one subprotocol",
	Refs: []Ref{
		{"6455", "11.3.4", "Sec-WebSocket-Protocol stands in an answer only once"},
		{"6455", "4.2.2", "the value is the one subprotocol that the server has chosen"},
	},
	Why: `Nobody has chosen: the server has sent the client's list back, or an intermediary has added a line of its own.
Clients compare the value as a whole, do not find it among what they offered, and drop the connection; those that take
the first or the last element may well disagree with the server on the language.`,
	Fix: `Send back one element of the list, not the field as it came.
nginx, in front: no add_header Sec-WebSocket-Protocol where the backend sends the field itself.`,
	When: func(c *Case) bool { return switchedToWebSocket(c) && choseSubprotocol(c) },
	Judge: func(c *Case) Result {
		p := &c.X.Response.Head
		return c.passIf(p.Count(protocolField) == 1 && bytes.IndexByte(first(p, protocolField), ',') < 0)
	},
	Show: func(c *Case, _ Result) (string, []Span) {
		return "Sec-WebSocket-Protocol " + quoteSubprotocols(c, &c.X.Response.Head), c.inResponse(protocolField)
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-PROTO-EMPTY", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "a 101 that chooses no subprotocol has no field for it",
	Refs: []Ref{
		{"6455", "4.2.2", "a server that agrees to no subprotocol leaves the field out; an empty value is not the same"},
		{"6455", "4.3", "the value is a token, which is never empty"},
	},
	Why: `An empty name is a name that nobody offered, and clients that keep to the RFC drop the connection. It is what
comes out where a program always writes the field and has nothing to write, or a gateway copies a variable that is not
set.`,
	Fix:  `Write the field only if a subprotocol was chosen.`,
	When: func(c *Case) bool { return switchedToWebSocket(c) && c.X.Response.Has(protocolField) },
	Judge: func(c *Case) Result {
		p := &c.X.Response.Head
		for v := range p.Named(protocolField) {
			if len(bytes.Trim(p.Text(v), " \t,")) == 0 {
				return c.result(Fail)
			}
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) (string, []Span) {
		return "101 with an empty Sec-WebSocket-Protocol field", c.inResponse(protocolField)
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-PROTO-SILENT", Level: Advice, Party: Server,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "a server that switches chooses among the subprotocols that are offered",
	Refs: []Ref{
		{"6455", "4.2.2", "a server that agrees to none of the subprotocols leaves the field out"},
	},
	Why: `The server may do this, and the client decides whether it goes on without. Chrome does not: it drops a connection
for which it offered subprotocols and got none, and the page sees a WebSocket that closes at once (Mongoose was
reported for that). Other clients go on, so the fault shows in one browser only. Some offers are no names at all but
carry a credential; there the server must still name one of the others.`,
	Fix: `Choose one of the client's subprotocols, and refuse with 400 if there is none that the server speaks.`,
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
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) (string, []Span) {
		return "Sec-WebSocket-Protocol " + quoteSubprotocols(c, &c.X.Request.Head) + " was offered, and the 101 names none",
			append(c.inRequest(protocolField), c.inResponse()...)
	},
})

// switchedToWebSocket reports whether the response is a 101 to a WebSocket handshake.
func switchedToWebSocket(c *Case) bool { return c.websocket && c.switched }

// choseSubprotocol reports whether the response names a subprotocol.
func choseSubprotocol(c *Case) bool {
	for range c.X.Response.Elements(protocolField) {
		return true
	}
	return false
}

// unofferedSubprotocol is the first subprotocol of the response that the request does not offer; empty if there is none.
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
