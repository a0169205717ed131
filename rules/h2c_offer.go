package rules

var _ = register(Rule{
	ID: "UPGRADE-H2C-OFFER", Level: Advice, Party: Intermediary,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A proxy does not forward an offer of h2c",
	Problem: Problems{
		Switched: "Proxy forwarded an offer of h2c, and the server switched (Upgrade: %s)",
		Refused:  "Proxy forwarded an offer of h2c (Upgrade: %s)",
	},
	Label: "Proxy forwards h2c",
	Refs: []Ref{
		{"9113", "3.1", "starting HTTP/2 through Upgrade: h2c is deprecated, and the token is marked as obsolete"},
		{"9110", "7.6.1", "a proxy removes hop-by-hop headers, Upgrade among them, unless it takes part in the upgrade itself"},
	},
	Why: `A client that offers h2c to its own server wastes a few bytes: Java's HttpClient
does it with its first plain-text request and continues in HTTP/1.1. An offer that got through a
proxy is different. That proxy copies Upgrade from the client, so anyone can offer h2c to the
servers behind it, and on the day one of them answers 101 (a new version, library or default), all
filters of the proxy are bypassed. nginx forwards any protocol if told to forward Upgrade and
considers that correct; HAProxy does it by default.`,
	Fix: `In a proxy, forward Upgrade only for the protocols that you want to allow.
nginx: map $http_upgrade to itself only where it is websocket, and to nothing otherwise; use the
	result in proxy_set_header Upgrade.
HAProxy: http-request del-header Upgrade unless { req.hdr(Upgrade) -i websocket }
Java HttpClient: HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1) sends no offer.`,
	When: func(c *Case) bool { return hasProtocol(c.offered, "h2c") },
	Judge: func(c *Case) Result {
		if !c.forwarded() {
			return c.result(Pass)
		}
		if c.switched && c.h2c {
			return c.result(Fail).rated(High)
		}
		return c.result(Warn).rated(High)
	},
	Show: func(c *Case, _ Result) Shown {
		at := c.inRequest("Upgrade", "Via", "Forwarded", "X-Forwarded-For")
		if c.switched && !c.h2c {
			return says(c.rule.Problem.Refused, at, members(c.offered))
		}
		return seen(at, members(c.offered))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2-TOKEN", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Critical}, Since: "0.1",
	Title: "A server ignores h2 in Upgrade, which is not an upgrade token",
	Problem: Problems{
		Switched: "Server switched on an offer of h2 (Upgrade: %s)",
		Refused:  "Client offered h2 in Upgrade, which is not an upgrade token: %s",
	},
	Label: "Upgrade: h2 accepted",
	Refs: []Ref{
		{"7540", "3.2", "a server ignores the token h2 in Upgrade: it means HTTP/2 over TLS, which is negotiated in the TLS handshake"},
		{"9113", "3.1", "h2 is a name for the TLS handshake; HTTP/2 can no longer be reached through Upgrade"},
	},
	Why: `h2 is not an upgrade token. Filters against h2c smuggling look for h2c; a server
that treats h2 the same way, or anything that starts like it, switches past them. Servers that
list h2 in the Upgrade header of their responses, as Apache httpd does over TLS, make clients and
proxies send it back.`,
	Fix: `Ignore h2 in Upgrade, and answer in HTTP/1.1 if nothing else is offered.
Apache httpd: Protocols http/1.1 stops the advertising; H2Upgrade off stops the switching.`,
	When: func(c *Case) bool { return hasProtocol(c.offered, "h2") },
	Judge: func(c *Case) Result {
		if c.switched && !c.towards("h2") {
			return c.result(Pass)
		}
		return RefuseSwitch(c)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade"), members(c.offered))
	},
	Probes: []Probe{
		{ID: "UPGRADE-H2-TOKEN", Control: "h2c", Label: "Upgrade: h2 instead of h2c", Also: []string{"UPGRADE-UNKNOWN"},
			Edit: Edits(OfferH2C(), Set("Upgrade", "h2"))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2C-OVER-TLS", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: High}, Since: "0.1",
	Title: "A client does not offer h2c over TLS, and a server does not accept it there",
	Problem: Problems{
		Switched: "Server switched on an offer of h2c over TLS (Upgrade: %s)",
		Refused:  "Client offered h2c over TLS (Upgrade: %s)",
	},
	Label: "h2c over TLS",
	Refs: []Ref{
		{"7540", "3.3", "over TLS a client does not send the identifier h2c and a server does not select it: it is for connections without TLS"},
		{"9113", "3.2", "HTTP/2 over TLS is negotiated in the TLS handshake, as h2"},
	},
	Why: `A client that wants HTTP/2 over TLS negotiates it in the TLS handshake. No browser
or common library offers h2c there; smuggling tools such as h2csmuggler do, because the proxy that
terminates TLS may forward the offer in plain text. A server that switches leaves every proxy that
terminated TLS in front of it blind.`,
	Fix: `Ignore Upgrade: h2c on TLS connections, and remove the header where TLS is
	terminated.
Traefik: a release with pull request 13797 (August 2026) no longer forwards the offer; before
	that, remove the header with a headers middleware.`,
	When: func(c *Case) bool { return c.X.ClientTLS && c.h2c },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade"), members(c.offered))
	},
})
