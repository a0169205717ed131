package rules

import "github.com/interlock-proxy/interlock/wire"

var _ = register(Rule{
	ID: "UPGRADE-H2-UPGRADE-FIELD", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client sends no Upgrade header in HTTP/2, and a server rejects a request with one",
	Problem: Problems{
		Switched: "Server accepted a request in HTTP/2 with Upgrade: %s",
		Refused:  "Client sent Upgrade: %s in HTTP/2",
	},
	Label: "Upgrade header in HTTP/2",
	Refs: []Ref{
		{"9113", "8.2.2", "a message with a header about the connection of HTTP/1, such as Upgrade, is malformed"},
		{"8441", "5", "a WebSocket over HTTP/2 is opened by :protocol; Upgrade is not used"},
	},
	Why: `HTTP/2 has no upgrade by header. A gateway that turns the request into one of
HTTP/1.1 and keeps the header makes a handshake that the client could not have made: the server
behind it switches, the gateway does not know of it, and what follows reaches that server past all
rules.`,
	Fix: `Treat such a request as malformed: reset the stream with PROTOCOL_ERROR, or answer
	400. In a gateway, never copy Upgrade from HTTP/2 into HTTP/1.1.`,
	When: func(c *Case) bool { return !c.headCut && (extended(c) || c.X.Request.Has("Upgrade")) },
	Judge: func(c *Case) Result {
		return refuseUnless(c, !c.X.Request.Has("Upgrade"))
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade"), requestValues(c, "Upgrade"))
	},
	Probes: []Probe{
		malformed2("UPGRADE-H2-FIELD-UPGRADE", "Upgrade beside :protocol", FieldAlso("upgrade", "websocket")),
		malformed2("UPGRADE-H2-FIELD-BOTH", "Connection and Upgrade beside :protocol", FieldAlso("connection", "Upgrade"), FieldAlso("upgrade", "websocket")).breaking("UPGRADE-H2-CONNECTION-FIELD"),
		malformedGet("UPGRADE-H2-H1-WS", "HTTP/1.1 handshake in HTTP/2", h1Offer()).breaking("UPGRADE-H2-101", "UPGRADE-H2-CONNECTION-FIELD"),
		malformedGet("UPGRADE-H2-H1-WS-OPEN", "HTTP/1.1 handshake in HTTP/2 on an open stream", h1Offer(), Ended(false)).breaking("UPGRADE-H2-101", "UPGRADE-H2-CONNECTION-FIELD"),
		malformedGet("UPGRADE-H2-H1-WS-NOCONN", "HTTP/1.1 handshake in HTTP/2 without Connection", h1Offer(), NoField("connection")).breaking("UPGRADE-H2-101"),
		malformedGet("UPGRADE-H2-H1-TLS", "Upgrade: TLS/1.0 in HTTP/2", FieldAlso("connection", "Upgrade"), FieldAlso("upgrade", "TLS/1.0")).breaking("UPGRADE-H2-101", "UPGRADE-H2-CONNECTION-FIELD"),
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2-H2C-FIELD", Level: Must, Party: Client,
	Severity: Severities{Refused: High, Switched: Critical}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client does not offer h2c inside HTTP/2, and a server rejects such a request",
	Problem: Problems{
		Switched: "Server accepted an offer of h2c (Upgrade: %s) inside HTTP/2",
		Refused:  "Client offered h2c (Upgrade: %s) inside HTTP/2",
	},
	Label: "Offer of h2c in HTTP/2",
	Refs: []Ref{
		{"9113", "8.2.2", "a message with a header about the connection of HTTP/1, such as Upgrade, is malformed"},
		{"9113", "3.1", "the upgrade token h2c is obsolete"},
	},
	Why: `No client has a reason to send it: the connection is HTTP/2 already. Whoever does
hopes that a gateway passes the offer on to a server that accepts it. After that, the gateway
forwards bytes that it takes for a tunnel, and the server reads requests in them that no rule of the
gateway has seen.`,
	Fix: `Reset the stream with PROTOCOL_ERROR, or answer 400. In a gateway, never copy Upgrade,
	HTTP2-Settings and Connection from HTTP/2 into HTTP/1.1; in a server behind one, turn h2c off.`,
	When: func(c *Case) bool { return !c.headCut && (extended(c) || c.X.Request.Has("Upgrade")) },
	Judge: func(c *Case) Result {
		res := refuseUnless(c, !offersH2C(&c.X.Request.Head))
		if res.Verdict != Pass && c.probed() && !c.switched { // it ignored the offer: the server is as it was
			return res.rated(Medium)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade", "HTTP2-Settings"), requestValues(c, "Upgrade"))
	},
	Probes: []Probe{
		malformedGet("UPGRADE-H2-H1-H2C", "Upgrade: h2c and HTTP2-Settings in HTTP/2", h1OfferH2C()).asking().breaking("UPGRADE-H2-101", "UPGRADE-H2-CONNECTION-FIELD", "UPGRADE-H2-UPGRADE-FIELD"),
		malformedGet("UPGRADE-H2-H1-H2C-OPEN", "Offer of h2c in HTTP/2 on an open stream", h1OfferH2C(), Ended(false)).asking().breaking("UPGRADE-H2-101", "UPGRADE-H2-CONNECTION-FIELD", "UPGRADE-H2-UPGRADE-FIELD"),
		malformedGet("UPGRADE-H2-H1-H2C-BARE", "Upgrade: h2c alone, in HTTP/2", FieldAlso("upgrade", "h2c")).asking().breaking("UPGRADE-H2-101", "UPGRADE-H2-UPGRADE-FIELD"),
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2-CONNECTION-FIELD", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: High}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client sends no header about a connection of HTTP/1 in HTTP/2, and a server rejects it",
	Problem: Problems{
		Switched: "Server accepted a request in HTTP/2 with the header %s",
		Refused:  "Client sent the header %s in HTTP/2",
	},
	Label: "Connection header in HTTP/2",
	Refs: []Ref{
		{"9113", "8.2.2", "a message with Connection, Proxy-Connection, Keep-Alive, Transfer-Encoding or Upgrade is malformed, and so is one with TE, unless it says trailers"},
		{"8441", "5", "a WebSocket over HTTP/2 uses neither Connection nor Upgrade"},
	},
	Why: `A gateway that copies such a header into HTTP/1.1 lets the client decide about a
connection that is not its own: which headers are removed there, and where a message ends.`,
	Fix: `Treat such a request as malformed: reset the stream with PROTOCOL_ERROR, or answer
	400. In a gateway, write these headers yourself.`,
	When: func(c *Case) bool {
		return !c.headCut && (extended(c) || connectionField(c) != "")
	},
	Judge: func(c *Case) Result { return refuseUnless(c, connectionField(c) == "") },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(append([]string{"TE"}, connectionFields...)...), connectionField(c))
	},
	Probes: []Probe{
		malformed2("UPGRADE-H2-FIELD-CONNECTION", "Connection: x-a in HTTP/2", FieldAlso("connection", "x-a")),
		malformed2("UPGRADE-H2-FIELD-TE", "TE: gzip in HTTP/2", FieldAlso("te", "gzip")),
		malformed2("UPGRADE-H2-FIELD-KEEPALIVE", "Keep-Alive in HTTP/2", FieldAlso("keep-alive", "timeout=5")),
		malformed2("UPGRADE-H2-FIELD-PROXYCONN", "Proxy-Connection in HTTP/2", FieldAlso("proxy-connection", "keep-alive")),
		malformed2("UPGRADE-H2-FIELD-TRANSFER", "Transfer-Encoding in HTTP/2", FieldAlso("transfer-encoding", "chunked")),
	},
})

// connectionField returns the name of the first header of the request that has no place in HTTP/2; empty
// if there is none. Upgrade has rules of its own.
func connectionField(c *Case) string {
	for _, name := range connectionFields {
		if c.X.Request.Has(name) {
			return name
		}
	}
	for v := range c.X.Request.Values("TE") {
		if !wire.EqualFold(c.X.Request.Text(v), "trailers") {
			return "TE: " + quote(c.X.Request.Text(v))
		}
	}
	return ""
}
