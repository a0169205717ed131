package rules

var _ = register(Rule{
	ID: "UPGRADE-H2C-NO-SETTINGS", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "A server does not switch to h2c if the request has no HTTP2-Settings header",
	Problem: Problems{
		Switched: "Server switched on an offer of h2c without HTTP2-Settings (Upgrade: %s)",
		Refused:  "Client offered h2c without an HTTP2-Settings header (Upgrade: %s)",
	},
	Label: "h2c without HTTP2-Settings",
	Refs: []Ref{
		{"7540", "3.2", "a request that offers h2c has exactly one HTTP2-Settings header"},
		{"7540", "3.2.1", "a server does not switch to HTTP/2 if that header is missing or there are several"},
	},
	Why: `The header holds the settings that HTTP/2 starts with. A server that switches
without it has not read the offer: any request with the right word in Upgrade gets a tunnel, even
one assembled from headers that a proxy let through. This is how h2c smuggling gets requests past
all filters of the proxy in front. Docker's client omits the header when it opens a build session;
a daemon that is reachable only through its own socket has no proxy to bypass.`,
	Fix: `Switch to h2c only if there is exactly one HTTP2-Settings header and Connection
	lists it. Better, do not switch at all (see UPGRADE-H2C-SWITCHED).
Go: remove golang.org/x/net/http2/h2c; net/http supports HTTP/2 in plain text with prior knowledge
	(Protocols.SetUnencryptedHTTP2).`,
	HopByHop: true,
	needs:    needsH2C,
	When: func(c *Case) bool {
		return c.h2c && !c.headCut && !c.X.Request.Has("HTTP2-Settings") && (!c.switched || len(c.chosen) == 0 || hasProtocol(c.chosen, "h2c"))
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade", "Connection"), members(c.offered))
	},
	Probes: []Probe{
		{ID: "UPGRADE-H2C-NO-SETTINGS", Control: "h2c", Label: "h2c without HTTP2-Settings header",
			Edit: Offer("h2c")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2C-SWITCHED", Level: Advice, Party: Server,
	Severity: Severities{Refused: Info, Switched: Medium, Worst: Critical}, Since: "0.1",
	Title: "A server does not switch a connection to HTTP/2 through Upgrade: h2c",
	Problem: Problems{
		Switched: "Server switched on an offer of h2c",
	},
	Label: "h2c upgrade accepted",
	Refs: []Ref{
		{"9113", "3.1", "starting HTTP/2 through Upgrade: h2c is deprecated, together with the HTTP2-Settings header"},
	},
	Why: `A proxy that forwards an h2c upgrade becomes blind: all further requests are HTTP/2
frames in a tunnel that no filter, access rule or log inspects (h2c smuggling). HTTP/2 has
deprecated this way to start; clients that still offer it, such as Java's HttpClient, continue in
HTTP/1.1 if it is ignored. If the client is directly in front of the server, a switch is a
warning; if the request came through a proxy, that proxy has been bypassed and the rule fails.`,
	Fix: `Ignore offers of h2c. Clients that want HTTP/2 in plain text know in advance that
	they may use it.
Go: remove golang.org/x/net/http2/h2c; Protocols.SetUnencryptedHTTP2 allows prior knowledge
	without Upgrade.
Tomcat: remove the UpgradeProtocol element for Http2Protocol from plain-text connectors. Jetty:
	remove HTTP2CServerConnectionFactory. Spring Boot: server.http2.enabled=false on plain-text
	listeners. Netty: no CleartextHttp2ServerUpgradeHandler.
Caddy: servers { protocols h1 h2 h3 }, without h2c. Apache httpd: Protocols http/1.1.
nginx, in front: forward Upgrade and Connection only where $http_upgrade is websocket (map), not
	whatever the client sent.
HAProxy, in front: http-request del-header Upgrade unless { req.hdr(Upgrade) -i websocket }`,
	needs: needsH2C,
	When: func(c *Case) bool { // a 101 to another protocol is UPGRADE-101-NOT-OFFERED
		return c.h2c && c.X.Response != nil && (!c.switched || len(c.chosen) == 0 || hasProtocol(c.chosen, "h2c"))
	},
	Judge: func(c *Case) Result {
		switch {
		case !c.switched:
			return c.result(Pass)
		case c.forwarded():
			return c.result(Fail).rated(c.rule.Severity.Worst)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		at := append(c.inRequest("Upgrade", "Via", "Forwarded", "X-Forwarded-For"), c.inResponse("Upgrade")...)
		if c.forwarded() {
			return says("Server switched on an offer of h2c that came through a proxy", at)
		}
		return seen(at)
	},
	Probes: []Probe{
		{ID: "CTRL-H2C", Class: Either, Control: "h2c", Label: "Valid h2c offer", Want: "Any valid response; ignoring the offer is best (a 101 is a warning)",
			Edit: OfferH2C()},
		{ID: "UPGRADE-H2C-UPPER", Class: Either, Control: "h2c", Label: "Upgrade: H2C in capitals", Want: "Any valid response; ignoring the offer is best (a 101 is a warning)",
			Edit: Edits(OfferH2C(), Set("Upgrade", "H2C"))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2C-PRIOR", Level: Advice, Party: Server,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A server does not answer the HTTP/2 preface with frames at an HTTP/1.1 endpoint",
	Problem: Problems{
		Switched: "Server answered the HTTP/2 preface with a SETTINGS frame: it accepts h2c without Upgrade",
		Refused:  "Server answered the HTTP/2 preface with a SETTINGS frame: it accepts h2c without Upgrade",
	},
	Label: "h2c accepted without Upgrade",
	Refs: []Ref{
		{"9113", "3.3", "a client that knows that a server speaks HTTP/2 in plain text starts with the preface, without Upgrade"},
		{"9113", "3.4", "the client preface is a fixed sequence of 24 bytes and a SETTINGS frame; the server preface is a SETTINGS frame"},
	},
	Why: `The server speaks h2c to anyone who starts with it, so blocking Upgrade: h2c does
not keep HTTP/2 out. This is right where clients should use it, as gRPC clients do. Otherwise any
proxy or tunnel that forwards bytes carries requests to the server that filters for HTTP/1.1 never
see.`,
	Fix: `Turn off HTTP/2 in plain text where no client needs it.
Go, net/http: do not set Protocols.SetUnencryptedHTTP2, and remove golang.org/x/net/http2/h2c.
Apache httpd: Protocols http/1.1. nginx: no http2 on a listener without ssl.`,
	needs: needsProbe,
	When: func(c *Case) bool {
		return c.brings("UPGRADE-H2C-PRIOR") && (c.X.Response != nil || len(c.X.Noise) > 0)
	},
	Judge: func(c *Case) Result {
		if f, ok := readH2Frame(c.X.Noise); ok && f.settings() {
			return c.result(Warn)
		}
		return c.result(Pass)
	},
	Show: func(*Case, Result) Shown {
		return seen(nil)
	},
	Probes: []Probe{
		{ID: "UPGRADE-H2C-PRIOR", Class: Either, Control: "h2c", Label: "HTTP/2 preface instead of a request", Want: "Any HTTP/1 response, or the connection is closed (HTTP/2 frames are a warning)",
			Edit: beginH2},
	},
})
