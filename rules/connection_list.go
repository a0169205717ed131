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
		{"9110", "7.6.1", "an intermediary takes off fields that are known to live on one hop, Upgrade among them, also where Connection does not name them"},
		{"9110", "7.8", "who sends Upgrade sends the connection option upgrade with it, so that nobody passes the field on"},
	},
	Why: `The intermediary took off Connection and let Upgrade through: the offer is the client's, but the intermediary does
not know of it and goes on in HTTP whatever the server answers. A server that switches has then left a connection on
which the intermediary sends the requests of others, and reads what the server writes in the new protocol as their
responses. As long as the server ignores the field nothing happens; the hole opens with its next release, or with
another server behind the same address.`,
	Fix: `Take off Upgrade wherever Connection is taken off, and set both anew where upgrades are carried.
nginx: never proxy_set_header Upgrade $http_upgrade without proxy_set_header Connection $connection_upgrade beside it.`,
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
		{"9110", "7.6.1", "a connection option may name a field; one that names a field which is not there says nothing"},
	},
	Why: `This is the trace of something in front that sets the option for every request: the recipe for nginx that many
people copied writes Connection: upgrade everywhere, with or without an offer. Nothing is wrong with that; Kestrel found
out that it must not refuse such requests. Where a client did send an offer and the field is missing here, it was lost
on the way: the server answers 400, and the handshake fails in front of whoever reads this.`,
	Fix: `Look for the hop in front that takes Upgrade off and leaves Connection; it has to pass on both, or neither.
nginx: proxy_set_header Upgrade $http_upgrade, and Connection $connection_upgrade with map $http_upgrade
	$connection_upgrade { default upgrade; '' ''; }, so that the option is set only where there is an offer.`,
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

// hidesLostOffer reports whether the answer is one to a handshake that lacks something.
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
		{"9110", "2.2", "nobody sends what does not fit the grammar"},
	},
	Why: `In "keep-alive Upgrade", Upgrade;q=0 or "Upgrade" with its quotation marks the option is not there. A server that
searches for the text, or splits at spaces, finds it all the same and switches, while an intermediary that reads the
list takes the request for an ordinary one. gws and gobwas/ws have taken a space for a comma, tungstenite splits at
both, puma-dev looks for the end of the value. Where the option stands properly beside the faulty element, only the
client has made a mistake.`,
	Fix: `Split Connection at commas, cut spaces and tabs from both ends, and compare whole elements without regard to case.
In a client: Connection: Upgrade, or Connection: keep-alive, Upgrade.`,
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
	Why: `To offer a switch and to ask for the end in one breath is allowed, and iPhones behind some load balancers do it.
But software does not agree on what it means: one server switches, the next answers and closes, and one more switches
and puts close into its 101, on which intermediaries such as Skipper then act. Jetty and Vert.x have gone back and
forth. A connection that ends right after a sound switch may have its cause here.`,
	Fix: `In a client or an intermediary, leave close out of a request that offers a switch. In a server, let the offer count
	and send a 101 without close, or refuse.`,
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
		{"9110", "7.6.1", "nobody names in Connection a field that is meant for all recipients of the message"},
	},
	Why: `An intermediary takes off the fields that Connection names. Who names Authorization, Cookie, Origin or
X-Forwarded-For has them removed behind the check that they were made for: a proxy that writes the client's address and
then honours the list sends a request without one, which the server may take for its own neighbour's. On upgrade
requests the list is treated differently once more: Envoy has kept the named fields there. Servers themselves have
nothing to do but to ignore such names.`,
	Fix: `In a client, name only fields that end at the next hop: Upgrade, HTTP2-Settings, TE.
In an intermediary, apply the client's list before own fields are added, and refuse a list that names a field on which
	access depends.`,
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

// A connectionList is what the Connection field of a request has in it.
type connectionList struct {
	upgrade, close bool
	field          bool      // something that is no other option either: the name of a field, or no token
	misshapen      wire.Span // the first element that is no token; empty if there is none
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

// hasHiddenOption reports whether the text upgrade stands in Connection only where there is no token: who switches has
// searched for it.
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

// endToEnd is the first option of Connection that names a field which is meant for all recipients; empty if there is none.
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
