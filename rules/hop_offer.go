package rules

import "github.com/interlock-proxy/interlock/wire"

var _ = register(Rule{
	ID: "UPGRADE-HOP-CONN-FABRICATED", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: High, Switched: Critical}, Since: "0.1",
	Title: "A proxy offers an upgrade to the server only if the client has offered it",
	Problem: Problems{
		Switched: "Proxy added Connection: upgrade to a request without it, and the upgrade was accepted (Upgrade: %s)",
		Refused:  "Proxy added Connection: upgrade to a request without it (Upgrade: %s)",
	},
	Label: "Connection: upgrade added by proxy",
	Refs: []Ref{
		{"9110", "7.6.1", "headers for one hop only, such as Upgrade, are removed; a proxy writes its own Connection header for the next hop"},
		{"9110", "7.8", "an Upgrade header without the option upgrade in Connection is ignored"},
	},
	Why: `The client's Upgrade header says nothing without the option, so the client and every
proxy in front of this one expect an ordinary response. The server behind it gets a valid offer and
switches. A 101 then opens a tunnel for a client that asked for none, past filters that look for
both headers, and on a connection that other clients may share. A server that is checked alone looks
correct.`,
	Fix: `Write Connection: upgrade only for requests that have it, and remove Upgrade from all others.
nginx: a map that sets $connection_upgrade from $http_upgrade still ignores the client's Connection
	header; use a map on $http_connection too, or a location that carries WebSocket only.
Apache httpd: upgrade=websocket of ProxyPass alone adds the option; beside it, with mod_headers:
	RequestHeader unset Upgrade "expr=%{SERVER_PROTOCOL} == 'HTTP/1.0' || ! (%{HTTP:Connection} =~ /upgrade/i)"`,
	When: func(c *Case) bool {
		far, sent := c.far(), c.X.Sent()
		return far != nil && !c.headCut && !sent.HasOption("upgrade") &&
			(sent.Has("Upgrade") || far.Request.Has("Upgrade") || far.Request.HasOption("upgrade"))
	},
	Judge: func(c *Case) Result {
		q := c.far().Request
		switch has, option := len(q.Protocols()) > 0, q.HasOption("upgrade"); {
		case has && option:
			return c.result(Fail)
		case has && c.switched:
			return c.result(Fail).rated(High)
		case has:
			return c.result(Warn).rated(Medium)
		case c.switched && c.farSwitched():
			return c.result(Fail)
		case option:
			return c.result(Warn).rated(Low)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		q := c.far().Request
		at, protocols := c.inRequest("Connection", "Upgrade"), named(q.Protocols())
		switch has, option := len(q.Protocols()) > 0, q.HasOption("upgrade"); {
		case has && !option:
			return says("Proxy forwarded Upgrade from a request without Connection: upgrade (%s)", at, protocols)
		case !has && c.switched && c.farSwitched():
			return says("Proxy forwarded a 101 to a client whose request it had forwarded without the Upgrade header", at)
		case !has:
			return says("Proxy sent Connection: upgrade without an Upgrade header", at)
		}
		return seen(at, protocols)
	},
})

var _ = register(Rule{
	ID: "UPGRADE-HOP-FORWARDED", Level: Should, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: High, Switched: Critical}, Since: "0.1",
	Title: "A proxy does not forward an offer of h2c, TLS or another protocol that it does not carry",
	Problem: Problems{
		Switched: "Proxy forwarded an offer and carried the tunnel of the protocol that the server chose: %s",
		Refused:  "Proxy forwarded an offer of another protocol than WebSocket: %s",
	},
	Label: "Offer forwarded by proxy",
	Refs: []Ref{
		{"9110", "7.6.1", "a proxy removes or replaces headers that are known to be for one hop, among them Upgrade"},
		{"9113", "3.1", "h2c through Upgrade is no longer part of HTTP/2"},
		{"7540", "3.2.1", "HTTP2-Settings is for the connection it is sent on; a proxy does not forward it"},
	},
	Why: `Upgrade is about one connection: a proxy that forwards it promises to carry the bytes
after the 101. With h2c the client gets a connection to the server on which it can send any request
as HTTP/2, and the proxy's rules for paths, logins and headers apply to none of them. A list such as
websocket, h2c passes filters that look for websocket only.`,
	Fix: `Forward Upgrade only for the protocols that the proxy carries, and write its value instead
	of copying it.
nginx: proxy_set_header Upgrade websocket in a location that carries WebSocket, not $http_upgrade.
HAProxy: http-request del-header Upgrade unless it is websocket.`,
	When: func(c *Case) bool {
		sent := c.X.Sent()
		if c.far() == nil || c.headCut {
			return false
		}
		return sent.HasOption("upgrade") && !onlyWebSocket(sent.Protocols()) || dangling(sent) || sent.Has("HTTP2-Settings")
	},
	Judge: judgeForwarded,
	Show: func(c *Case, _ Result) Shown {
		q, at := c.far().Request, c.inRequest("Upgrade", "HTTP2-Settings")
		m, ok := carried(c)
		switch {
		case ok && c.throughTunnel():
			return seen(at, quote(m.String()))
		case ok:
			return says("Proxy forwarded an offer and its 101 (%s), and no byte passes", at, quote(m.String()))
		case dangling(q):
			return says("Proxy forwarded Connection: upgrade without an Upgrade header", c.inRequest("Connection"))
		case reduced(c):
			return says("Proxy forwarded one of several Upgrade headers: %s", at, named(q.Protocols()))
		case offers(q) && !onlyWebSocket(q.Protocols()):
			return says("Proxy forwarded an offer of another protocol than WebSocket: %s", at, named(q.Protocols()))
		case !onlyWebSocket(q.Protocols()):
			return says("Proxy forwarded an Upgrade header, and not the connection option: %s", at, named(q.Protocols()))
		}
		return says("Proxy forwarded HTTP2-Settings without an offer of h2c", c.inRequest("HTTP2-Settings"))
	},
})

// judgeForwarded rates what a proxy forwards by what can come of it.
func judgeForwarded(c *Case) Result {
	q := c.far().Request
	if m, ok := carried(c); ok {
		return judgeCarried(c, m)
	}
	switch other := !onlyWebSocket(q.Protocols()); {
	case offers(q) && q.Offers("h2c"):
		return c.result(Warn).rated(High)
	case other && q.Offers("h2c"):
		return c.result(Warn).rated(Medium)
	case other && severalOffers(c) && !reduced(c):
		return c.result(Pass) // a list on two lines, which the server gets whole
	case other, reduced(c), dangling(q), q.Has("HTTP2-Settings"):
		return c.result(Warn).rated(Low)
	}
	return c.result(Pass)
}

// judgeCarried rates a protocol, other than WebSocket, that both sides have switched to.
func judgeCarried(c *Case, m wire.Protocol) Result {
	switch through := c.throughTunnel(); {
	case m.Is("h2c") && !through:
		return c.result(Fail).rated(High)
	case !through:
		return c.result(Warn).rated(Low)
	case m.Is("h2c"):
		return c.result(Fail)
	case m.Is("TLS"):
		return c.result(Fail).rated(High)
	case isMasque(m):
		return c.result(Fail).rated(Medium)
	}
	return c.result(Warn).rated(Info) // a private protocol may be intended
}

// dangling reports whether a request has the connection option without an Upgrade header.
func dangling(q *wire.Request) bool { return q.HasOption("upgrade") && !q.Has("Upgrade") }

// severalOffers reports whether a client offers WebSocket and private protocols in several lines.
func severalOffers(c *Case) bool {
	sent := c.X.Sent()
	return sent.Count("Upgrade") > 1 && sent.Offers("websocket") && !sent.Offers("h2c")
}

// reduced reports whether a proxy forwards some of several lines: which one it keeps decides what a
// filter on the server side sees.
func reduced(c *Case) bool {
	n := len(c.far().Request.Protocols())
	return severalOffers(c) && 0 < n && n < len(c.X.Sent().Protocols())
}

func onlyWebSocket(members []wire.Protocol) bool {
	for _, m := range members {
		if !m.Is("websocket") {
			return false
		}
	}
	return true
}

// carried returns the protocol, other than WebSocket, that both sides of the hop have switched to.
func carried(c *Case) (wire.Protocol, bool) {
	if c.switched && c.farSwitched() && offers(c.far().Request) {
		for _, m := range c.far().Response.Protocols() {
			if !m.Is("websocket") && wasOffered(c, m) {
				return m, true
			}
		}
	}
	return wire.Protocol{}, false
}

var _ = register(Rule{
	ID: "UPGRADE-HOP-VERSION", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A proxy does not turn the offer of an HTTP/1.0 client into one of HTTP/1.1",
	Problem: Problems{
		Switched: "Proxy accepted an upgrade for an HTTP/1.0 client (sent on as %s)",
		Refused:  "Proxy sent the offer of an HTTP/1.0 client on as %s",
	},
	Label: "HTTP/1.0 offer raised by proxy",
	Refs: []Ref{
		{"9110", "7.8", "an Upgrade header in an HTTP/1.0 request is ignored"},
		{"9110", "15.2", "no 1xx response is sent to an HTTP/1.0 client"},
		{"9112", "2.3", "a proxy sends its own version in what it forwards, so the server cannot see that of the client"},
	},
	Why: `The version is that of one connection, so the server sees HTTP/1.1 and may switch. The
client is an HTTP/1.0 program, or a proxy that speaks HTTP/1.0 to its backend: it takes the 101 for
the final response and the first bytes of the tunnel for its content, which a cache may keep.`,
	Fix: `Remove Upgrade from a request whose version is below 1.1 before it is forwarded.
Apache httpd and Caddy raise the version; put a rule in front that removes Upgrade for HTTP/1.0.`,
	When: func(c *Case) bool {
		sent := c.X.Sent()
		return c.far() != nil && sent.Version == "HTTP/1.0" && sent.Has("Upgrade")
	},
	Judge: func(c *Case) Result {
		q := c.far().Request
		switch {
		case c.switched, offers(q) && q.Version != "HTTP/1.0":
			return c.result(Fail)
		case q.Has("Upgrade"):
			return c.result(Warn).rated(Low)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade"), quote(c.far().Request.Version))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-HOP-METHOD", Level: Advice, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A proxy forwards a request that offers an upgrade with its own method",
	Problem: Problems{
		Switched: "Proxy sent %s on as %s, and the server switched",
		Refused:  "Proxy sent %s on as %s",
	},
	Label: "Method changed by proxy",
	Refs: []Ref{
		{"9110", "9.1", "the method says what a request asks for"},
		{"6455", "4.1", "the method of a WebSocket handshake is GET"},
	},
	Why: `The server judges another request than the client sent. A POST that arrives as a GET is
an invalid handshake that has become a valid one: rules for methods, protection against forged
requests and logs are about a request that never arrived.`,
	Fix: `Forward the method as it came, and answer 400 to a handshake whose method is not GET
	instead of repairing it.`,
	When:  func(c *Case) bool { return c.far() != nil && c.X.Sent().Has("Upgrade") },
	Judge: func(c *Case) Result { return c.passIf(c.far().Request.Method == c.X.Sent().Method) },
	Show: func(c *Case, _ Result) Shown {
		q := c.X.Request
		return seen([]Span{{InRequest, q.Start.From, q.Start.To}}, quote(c.X.Sent().Method), quote(c.far().Request.Method))
	},
})
