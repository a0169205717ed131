package rules

import (
	"strconv"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-H2-PROTOCOL-H2C", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server opens no tunnel for h2c or TLS by extended CONNECT",
	Problem: Problems{
		Switched: "Server opened a tunnel for :protocol %s",
		Refused:  "Client asked for a tunnel with :protocol %s",
	},
	Label: "Tunnel for h2c",
	Refs: []Ref{
		{"9113", "3.1", "the upgrade token h2c is obsolete, and h2 is never an upgrade token"},
		{"8441", "4", "the server decides about each :protocol; an unknown one is not accepted"},
	},
	Why: `Behind the 2xx a second connection of HTTP/2 begins that the hop in front does not
see. A path that the gateway rejects outside can be asked for inside: the request is forwarded as
bytes of a tunnel.`,
	Fix: `Accept :protocol websocket only, and answer 501 to any other. In a gateway, do not copy
	:protocol into an Upgrade header.`,
	When:  extended,
	Judge: func(c *Case) Result { return refuseUnless(c, !tunnelsHTTP(c)) },
	Show: func(c *Case, _ Result) Shown {
		at := append(c.inRequest(":protocol"), spanOf(FromServer, c.X.After.Server)...)
		for _, in := range c.X.Inside {
			if in.Status != 0 {
				return says("Server opened a tunnel for :protocol %s, and answered a request for %s in it with %s", at,
					requestValues(c, ":protocol"), quote(c.Options.shown(in.Path)), strconv.Itoa(in.Status))
			}
		}
		return seen(c.inRequest(":protocol"), requestValues(c, ":protocol"))
	},
	Probes: []Probe{
		refused2("UPGRADE-H2-PROTO-H2C", ":protocol: h2c", Field(":protocol", "h2c")).asking(),
		refused2("UPGRADE-H2-PROTO-H2C-SETTINGS", ":protocol: h2c with HTTP2-Settings", Field(":protocol", "h2c"), FieldAlso("http2-settings", h2cSettings)).asking(),
		refused2("UPGRADE-H2-PROTO-TLS", ":protocol: TLS/1.0", Field(":protocol", "TLS/1.0")).breaking("UPGRADE-H2-PROTOCOL-SYNTAX"),
	},
})

// tunnelsHTTP reports whether :protocol asks for another connection of HTTP or TLS in the tunnel.
func tunnelsHTTP(c *Case) bool {
	for v := range c.X.Request.Values(":protocol") {
		for _, name := range [...]string{"h2c", "h2", "TLS", "HTTP"} {
			text := c.X.Request.Text(v)
			if len(text) >= len(name) && wire.EqualFold(text[:len(name)], name) && (len(text) == len(name) || text[len(name)] == '/') {
				return true
			}
		}
	}
	return false
}

var _ = register(Rule{
	ID: "UPGRADE-H2-PROTOCOL-SYNTAX", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: High, Worst: Critical}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client sends one token in :protocol",
	Problem: Problems{
		Switched: "Server accepted :protocol %s",
		Refused:  "Client sent :protocol %s",
	},
	Label: "Malformed :protocol",
	Refs: []Ref{
		{"8441", "4", ":protocol has one value, from the registry of upgrade tokens"},
		{"9113", "8.2.1", "a value has no CR, LF or NUL, and no blank at either end"},
	},
	Why: `A gateway that writes the value into the Upgrade header of HTTP/1.1 writes with it
whatever it contains: further members, or with CR and LF further headers and whole requests.`,
	Fix:  `Compare :protocol with the tokens that you know, byte by byte, and answer 501 otherwise.`,
	When: extended,
	Judge: func(c *Case) Result {
		res := refuseUnless(c, !malformedProtocol(c))
		if res.Verdict != Pass && c.switched && (c.flawedHead(wire.FlawControl) || c.flawedHead(wire.FlawBareCR)) {
			return res.rated(Critical)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(":protocol"), requestValues(c, ":protocol"))
	},
	Probes: []Probe{
		malformed2("UPGRADE-H2-PROTO-EMPTY", "Empty :protocol", Field(":protocol", "")).breaking("UPGRADE-H2-PSEUDO"),
		malformed2("UPGRADE-H2-PROTO-SPACE", "Blank before the value of :protocol", Field(":protocol", " websocket")),
		malformed2("UPGRADE-H2-PROTO-CRLF", "CR LF and a header in :protocol", Field(":protocol", "websocket\r\nx-il-smuggled: 1")),
		refused2("UPGRADE-H2-PROTO-LIST", ":protocol: websocket, h2c", Field(":protocol", "websocket, h2c")),
		refused2("UPGRADE-H2-PROTO-VERSION", ":protocol: websocket/13", Field(":protocol", "websocket/13")),
	},
})

// flawedHead reports whether the head of the request has that flaw.
func (c *Case) flawedHead(kind wire.FlawKind) bool {
	_, ok := c.X.Request.Flaw(kind)
	return ok
}

func malformedProtocol(c *Case) bool {
	for v := range c.X.Request.Values(":protocol") {
		if !wire.IsToken(c.X.Request.Text(v)) {
			return true
		}
	}
	return false
}

var _ = register(Rule{
	ID: "UPGRADE-H2-PROTOCOL-UNKNOWN", Level: Should, Party: Server,
	Severity: Severities{Refused: Info, Switched: High}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server rejects an unknown :protocol",
	Problem: Problems{
		Switched: "Server opened a tunnel for :protocol %s, which it cannot know",
	},
	Label: "Any :protocol accepted",
	Refs: []Ref{
		{"9220", "3", "a server that does not know the value of :protocol answers 501"},
		{"8441", "4", ":protocol has one value, from the registry of upgrade tokens"},
	},
	Why: `The server did not look at it. Where it is a gateway, the server behind it gets a
protocol of the client's choice.`,
	Fix: `Compare :protocol with the tokens that you know, and answer 501 otherwise. If the service
	has a private protocol, list it in rules.protocols.`,
	When: func(c *Case) bool {
		return extended(c) && c.X.Response != nil && !tunnelsHTTP(c) && !malformedProtocol(c)
	},
	Judge: func(c *Case) Result {
		return refuseUnless(c, !unknownProtocol(c) && !c.brings("UPGRADE-H2-PROTOCOL-UNKNOWN"))
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(":protocol"), requestValues(c, ":protocol"))
	},
	Probes: []Probe{
		refused2("UPGRADE-H2-PROTO-UNKNOWN", ":protocol: interlock-unknown", Field(":protocol", "interlock-unknown")),
		soft2("UPGRADE-H2-PROTO-UDP", ":protocol: connect-udp", Field(":protocol", "connect-udp"), FieldAlso("capsule-protocol", "?1")),
		soft2("UPGRADE-H2-PROTO-IP", ":protocol: connect-ip", Field(":protocol", "connect-ip"), FieldAlso("capsule-protocol", "?1")),
		soft2("UPGRADE-H2-PROTO-WEBTRANSPORT", ":protocol: webtransport", Field(":protocol", "webtransport")),
		refused2("UPGRADE-H2-PROTO-PREFIX", ":protocol: websocketx", Field(":protocol", "websocketx")),
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2-501", Level: Should, Party: Server,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server answers 501 to an unknown :protocol",
	Problem: Problems{
		Refused: "Server rejected the unknown :protocol %s with %s instead of 501",
	},
	Label: "Unknown :protocol without 501",
	Refs: []Ref{
		{"9220", "3", "a server that does not know the value of :protocol answers 501"},
		{"9110", "15.6.2", "501 says that the server does not have what the request asks for"},
	},
	Why: `Any other answer says that something is broken, and not that the protocol is not here:
clients repeat the request or report an error in place of falling back to another transport.`,
	Fix: `Answer 501.`,
	When: func(c *Case) bool {
		unused := c.X.Stream != nil && c.X.Stream.Offered != "" && c.X.Stream.Offered != wire.OfferYes // :protocol means nothing to this server
		return extended(c) && !unused && !c.switched && unknownProtocol(c) && !malformedProtocol(c) && !tunnelsHTTP(c) && saysBroken(c)
	},
	Judge: func(c *Case) Result {
		if c.status() == 501 {
			return c.result(Pass)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		how := strconv.Itoa(c.status())
		if c.X.Response == nil {
			how = "a reset (" + c.X.Stream.Server.Code.String() + ")"
		}
		return seen(c.inRequest(":protocol"), requestValues(c, ":protocol"), how)
	},
})

// saysBroken reports whether the server has rejected the request for what it asks for, and neither for want
// of credentials nor because it is busy or elsewhere.
func saysBroken(c *Case) bool {
	switch c.status() {
	case 400, 404, 405, 426, 500, 501, 502:
		return true
	}
	return c.X.Outcome == wire.Reset && c.X.Stream != nil && c.X.Stream.Server.End == wire.StreamReset
}

// unknownProtocol reports whether :protocol is in no registry, and is not one of the service.
func unknownProtocol(c *Case) bool {
	for _, m := range c.offered {
		if isUnknown(c, m) {
			return true
		}
	}
	return false
}
