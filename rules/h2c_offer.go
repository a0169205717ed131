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
		{"9113", "3.1", "starting HTTP/2 by Upgrade: h2c is given up, and the token is marked as obsolete"},
		{"9110", "7.6.1", "an intermediary takes off what is about the connection it came in on, Upgrade among it, unless it takes part in the switch itself"},
	},
	Why: `A client that offers h2c to its own server wastes a few bytes: Java's HttpClient does it with each first cleartext
request and goes on in HTTP/1.1. An offer that got through an intermediary is another matter. That one copies Upgrade
from the client, so anybody can offer h2c to the server behind it, and on the day on which one server there says 101
(a new version, a new library, a default), all filters in front of it are bypassed. nginx passes on any token if told
to pass Upgrade on and considers that correct; HAProxy does by default.`,
	Fix: `In an intermediary, pass on Upgrade only for protocols that are meant to get through.
nginx: map $http_upgrade to itself only where it is websocket, and to nothing otherwise; use the result in
	proxy_set_header Upgrade.
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
		{"7540", "3.2", "a server ignores the token h2 in Upgrade: it stands for HTTP/2 over TLS, which is agreed on in the TLS handshake"},
		{"9113", "3.1", "h2 is a name for the TLS handshake; by Upgrade there is no way to HTTP/2 any more"},
	},
	Why: `h2 is no upgrade token. Filters that stop h2c smuggling look for h2c; a server that takes h2 for the same, or
anything that begins like it, switches past them. Servers that list h2 in the Upgrade field of their responses, as
Apache httpd does over TLS, bring clients and proxies to send it back.`,
	Fix: `Ignore the member h2, and answer in HTTP/1.1 if nothing else is offered.
Apache httpd: Protocols http/1.1 ends the advertising; H2Upgrade off ends the switching.`,
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
		{"7540", "3.3", "over TLS the identifier h2c is neither sent by a client nor chosen by a server: it is for connections without TLS"},
		{"9113", "3.2", "HTTP/2 over TLS is agreed on in the TLS handshake, as h2"},
	},
	Why: `A client that wants HTTP/2 over TLS gets it in the TLS handshake; who offers h2c there is no browser and no common
library, but a tool for smuggling: h2csmuggler does it because the proxy that ends TLS may pass the offer on in the
clear. A server that switches leaves everybody who ended TLS in front of it blind.`,
	Fix: `Ignore Upgrade: h2c on TLS connections, and take the field off where TLS ends.
Traefik: a release that has pull request 13797 (August 2026) no longer passes the offer on; before it, take the field
	off with a headers middleware.`,
	When: func(c *Case) bool { return c.X.ClientTLS && c.h2c },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade"), members(c.offered))
	},
})
