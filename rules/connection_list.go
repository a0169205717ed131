package rules

import (
	"bytes"
	"strconv"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-HOP-LEAK", Level: Should, Party: Intermediary,
	Severity: Severities{Refused: High, Switched: Critical}, Since: "0.1",
	Title: "A proxy does not forward Upgrade without Connection: Upgrade",
	Problem: Problems{
		Switched: "Proxy forwarded Upgrade: %s without Connection: Upgrade, and the server accepted it",
		Refused:  "Proxy forwarded Upgrade: %s without Connection: Upgrade",
	},
	Label: "Proxy leaked Upgrade header",
	Refs: []Ref{
		{"9110", "7.6.1", "a proxy removes known hop-by-hop headers, Upgrade among them, even if Connection does not list them"},
		{"9110", "7.8", "a sender of Upgrade lists upgrade in Connection, so that no one forwards the header"},
	},
	Why: `The proxy removed Connection and forwarded Upgrade: the offer is the client's, but
the proxy does not know about it and continues in HTTP whatever the server answers. A server that
switches leaves a connection on which the proxy sends the requests of other users and reads the
new protocol as their responses. Nothing happens while the server ignores the header; the hole
opens with its next release, or with another server at the same address.`,
	Fix: `Remove Upgrade wherever Connection is removed, and set both again where you forward
	upgrades.
nginx: never set proxy_set_header Upgrade $http_upgrade without proxy_set_header Connection
	$connection_upgrade.`,
	When: func(c *Case) bool {
		return !c.headCut && c.X.Request.Has("Upgrade") && !c.probed() && c.forwarded()
	},
	Judge: func(c *Case) Result {
		switch {
		case c.optionSent:
			return c.result(Pass)
		case c.switched:
			return c.result(Fail)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		at := c.inRequest("Upgrade", "Connection", "Via", "Forwarded", "X-Forwarded-For")
		upgrade := requestValues(c, "Upgrade")
		if c.X.Request.Has("Connection") {
			return varies(Problems{
				Switched: "Proxy forwarded Upgrade: %s with Connection: %s, and the server accepted it",
				Refused:  "Proxy forwarded Upgrade: %s with Connection: %s",
			}, at, upgrade, requestValues(c, "Connection"))
		}
		return seen(at, upgrade)
	},
})

var _ = register(Rule{
	ID: "UPGRADE-CONN-DANGLING", Level: Advice, Party: Client,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A client or proxy lists upgrade in Connection only if the request has an Upgrade header",
	Problem: Problems{
		Switched: "Client sent Connection: %s without an Upgrade header; the server sent a 101",
		Refused:  "Client sent Connection: %s without an Upgrade header",
	},
	Label: "Connection: Upgrade, no Upgrade header",
	Refs: []Ref{
		{"9110", "7.6.1", "a connection option may name a header; one that names a missing header means nothing"},
	},
	Why: `A proxy in front probably sets the option on every request: a widely copied nginx
recipe sends Connection: upgrade with or without an offer. That is harmless, and Kestrel learned
that it must not reject such requests. If the client did send an offer and the Upgrade header is
missing here, it was lost on the way: the server answers 400, and the handshake fails at that
proxy.`,
	Fix: `Find the proxy that removes Upgrade and keeps Connection. It has to forward both, or
	neither.
nginx: proxy_set_header Upgrade $http_upgrade, and Connection $connection_upgrade with map
	$http_upgrade $connection_upgrade { default upgrade; '' ''; }, so that the option is set only
	where there is an offer.`,
	HopByHop: true,
	When: func(c *Case) bool {
		return len(c.offered) == 0 && !c.headCut && c.X.Request.Has("Connection") && !c.X.Request.Has("Upgrade")
	},
	Judge: func(c *Case) Result {
		switch {
		case !c.optionSent:
			return c.result(Pass)
		case hidesLostOffer(c):
			return c.result(Warn).rated(Low)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		if hidesLostOffer(c) {
			return says("Request has Connection: %s but no Upgrade header and was answered with %s; a proxy may have removed the Upgrade header",
				append(c.inRequest("Connection"), c.inResponse()...), requestValues(c, "Connection"), strconv.Itoa(c.status()))
		}
		return seen(c.inRequest("Connection"), requestValues(c, "Connection"))
	},
})

// hidesLostOffer reports whether a proxy probably removed the Upgrade header of an offer: the
// server refused a request that has the option.
func hidesLostOffer(c *Case) bool {
	return c.answer() == answeredRefusal && c.status() < 500 && c.status() != 404
}

var _ = register(Rule{
	ID: "UPGRADE-CONN-SYNTAX", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Critical}, Since: "0.1",
	Title: "A server ignores malformed elements of Connection and does not find upgrade inside one",
	Problem: Problems{
		Switched: "Server accepted the upgrade although Connection lists upgrade only inside the malformed element %s",
		Refused:  "Client sent a malformed element in Connection: %s",
	},
	Label: "Malformed Connection accepted",
	Refs: []Ref{
		{"9110", "7.6.1", "a connection option is a token, and commas separate options"},
		{"9110", "2.2", "a sender generates nothing that does not match the grammar"},
	},
	Why: `"keep-alive Upgrade", Upgrade;q=0 and "Upgrade" with quotation marks do not list
upgrade. A server that searches for the text, or splits at spaces, finds it anyway and switches,
while a proxy that reads the list takes the request for an ordinary one. gws and gobwas/ws have
taken a space for a comma, tungstenite splits at both, puma-dev looks at the end of the value. If
upgrade is also listed correctly, only the client is at fault.`,
	Fix: `Split Connection at commas, trim spaces and tabs, and compare whole elements
	case-insensitively.
In a client, send Connection: Upgrade, or Connection: keep-alive, Upgrade.` + guard,
	HopByHop: true,
	When:     func(c *Case) bool { return c.connection.misshapen.Len() > 0 && c.asks() },
	Judge: func(c *Case) Result {
		if hasHiddenOption(c) {
			return RefuseSwitch(c)
		}
		return tolerated(c).rated(Low)
	},
	Show: func(c *Case, _ Result) Shown {
		at := c.connection.misshapen
		return seen([]Span{{InRequest, at.From, at.To}}, quote(c.X.Request.Text(at)))
	},
	Probes: []Probe{
		{ID: "UPGRADE-CONN-QUOTED", Label: "Connection: \"Upgrade\" in quotes", Also: []string{"UPGRADE-MISSING-CONN"},
			Edit: Set("Connection", `"Upgrade"`)},
		{ID: "UPGRADE-CONN-SPACE", Label: "Connection: keep-alive Upgrade (no comma)", Also: []string{"UPGRADE-MISSING-CONN"},
			Edit: Set("Connection", "keep-alive Upgrade")},
		{ID: "UPGRADE-CONN-SEMI", Label: "Connection: keep-alive; Upgrade", Also: []string{"UPGRADE-MISSING-CONN"},
			Edit: Set("Connection", "keep-alive; Upgrade")},
		{ID: "UPGRADE-CONN-PARAM", Label: "Connection: Upgrade;q=0", Also: []string{"UPGRADE-MISSING-CONN"},
			Edit: Set("Connection", "Upgrade;q=0")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-CONN-CLOSE", Level: Advice, Party: Client,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A client does not ask to upgrade and to close the connection in the same request",
	Problem: Problems{
		Switched: "Client asked to upgrade and to close the connection (Connection: %s); the server switched",
	},
	Label: "Upgrade with Connection: close",
	Refs: []Ref{
		{"9112", "9.6", "close in a request means that the connection ends with the final response to it; a 101 is not final"},
	},
	Why: `It is allowed to offer an upgrade and to ask for the end of the connection in the
same request, and iPhones behind some load balancers do it. But software disagrees on what it
means: one server switches, the next answers and closes, and a third switches and puts close into
its 101, which proxies such as Skipper then obey. Jetty and Vert.x have changed their behaviour
more than once. If a connection ends right after a valid upgrade, look here for the cause.`,
	Fix: `In a client or proxy, omit close from a request that offers an upgrade. In a server,
	honour the offer and send a 101 without close, or reject the request.`,
	HopByHop: true,
	When:     func(c *Case) bool { return c.connection.upgrade && c.connection.close },
	Judge: func(c *Case) Result {
		if c.switched {
			return c.result(Warn)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Connection"), requestValues(c, "Connection"))
	},
	Probes: []Probe{
		{ID: "UPGRADE-CONN-CLOSE-UPGRADE", Class: Either, Label: "Connection: close, Upgrade",
			Edit: Set("Connection", "close, Upgrade")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-CONN-END2END", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A client lists only hop-by-hop headers in Connection, never headers meant for the end server",
	Problem: Problems{
		Switched: "Client listed the end-to-end header %s in Connection; the server switched",
		Refused:  "Client listed the end-to-end header %s in Connection",
	},
	Label: "End-to-end header in Connection",
	Refs: []Ref{
		{"9110", "7.6.1", "a sender does not list headers in Connection that are meant for all recipients of the message"},
	},
	Why: `A proxy removes the headers that Connection lists. A client that lists
Authorization, Cookie, Origin or X-Forwarded-For has them removed after the check that they were
meant for: a proxy that adds the client's address and then applies the list sends a request
without one, and the server may take it for a request from inside the network. Upgrade requests
are treated differently yet again: Envoy has kept the listed headers there. Servers only have to
ignore such names.`,
	Fix: `In a client, list only headers that end at the next hop: Upgrade, HTTP2-Settings,
	TE.
In a proxy, apply the client's list before you add your own headers, and reject a list that names
	a header on which access depends.`,
	HopByHop: true,
	When:     func(c *Case) bool { return c.connection.field && c.asks() },
	Judge: func(c *Case) Result {
		if endToEnd(&c.X.Request.Head).Len() == 0 {
			return c.result(Pass)
		}
		return tolerated(c)
	},
	Show: func(c *Case, _ Result) Shown {
		at := endToEnd(&c.X.Request.Head)
		return seen([]Span{{InRequest, at.From, at.To}}, quote(c.X.Request.Text(at)))
	},
	Probes: []Probe{
		{ID: "UPGRADE-CONN-NOMINATE", Class: Either, Label: "Connection lists end-to-end headers",
			Edit: Set("Connection", "Upgrade, Sec-WebSocket-Key, Host, Authorization, X-Forwarded-For")},
	},
})

// A connectionList is the parsed Connection header of a request.
type connectionList struct {
	upgrade, close bool
	field          bool      // it lists something that is not a common option: the name of a header, or not a token
	misshapen      wire.Span // the first element that is not a token; empty if there is none
}

func readConnection(h *wire.Head) (l connectionList) {
	for e := range h.Elements("Connection") {
		switch option := h.Text(e); {
		case wire.EqualFold(option, "upgrade"):
			l.upgrade = true
		case wire.EqualFold(option, "close"):
			l.close = true
		case wire.EqualFold(option, "keep-alive"):
		default:
			l.field = true
			if l.misshapen.Len() == 0 && !wire.IsToken(option) {
				l.misshapen = e
			}
		}
	}
	return l
}

// hasHiddenOption reports whether Connection contains the text upgrade only in elements that are
// not tokens: a server that switches has searched for the text.
func hasHiddenOption(c *Case) bool {
	if c.optionSent || c.headCut {
		return false
	}
	h := &c.X.Request.Head
	for e := range h.Elements("Connection") {
		if text := h.Text(e); !wire.IsToken(text) && bytes.Contains(bytes.ToLower(text), []byte("upgrade")) {
			return true
		}
	}
	return false
}

// endToEnd returns the first option of Connection that names an end-to-end header; empty if there
// is none.
func endToEnd(h *wire.Head) wire.Span {
	for e := range h.Elements("Connection") {
		option := h.Text(e)
		for _, name := range [...]string{"Host", "Authorization", "Cookie", "Origin", "Forwarded"} {
			if wire.EqualFold(option, name) {
				return e
			}
		}
		for _, prefix := range [...]string{"Sec-WebSocket-", "Content-", "X-Forwarded-"} {
			if len(option) > len(prefix) && wire.EqualFold(option[:len(prefix)], prefix) {
				return e
			}
		}
	}
	return wire.Span{}
}
