package rules

import "slices"

var _ = register(Rule{
	ID: "UPGRADE-ADVERT-H2C", Level: Advice, Party: Server,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A server does not advertise h2c, h2 or h3 in the Upgrade header of a response",
	Problem: Problems{
		Refused: "Server advertised h2c in a response (Upgrade: %s)",
	},
	Label: "Response advertises h2c",
	Refs: []Ref{
		{"9113", "3.1", "starting HTTP/2 through Upgrade: h2c is deprecated"},
		{"7540", "3.3", "over TLS the protocol is h2; h2c is neither sent nor selected"},
		{"9114", "4.5", "HTTP/3 has neither Upgrade nor 101"},
	},
	Why: `The server invites clients to a deprecated way of starting HTTP/2, one that bypasses
the filters of any proxy that lets it through (see UPGRADE-H2C-SWITCHED). In plain text this is a
harmless relic. Over TLS it is wrong: HTTP/2 is negotiated in the TLS handshake there, and a
client that accepts the invitation speaks HTTP/2 to a server that may not expect it. h2 and h3
cannot be reached through Upgrade at all, so to advertise them there says nothing.`,
	Fix: `Send Upgrade only in a 426 or a 101. Advertise HTTP/3 in Alt-Svc.
Apache httpd: Protocols http/1.1 (with TLS: h2 http/1.1), without h2c; or H2Upgrade off.`,
	HopByHop: true,
	needs:    needsOther,
	When:     func(c *Case) bool { return len(c.chosen) > 0 && !c.switched },
	Judge: func(c *Case) Result {
		switch {
		case !hasProtocol(c.chosen, "h2c") && !slices.ContainsFunc(c.chosen, isLaterHTTP):
			return c.result(Pass)
		case !hasProtocol(c.chosen, "h2c"):
			return c.result(Warn)
		case c.X.BackendTLS:
			return c.result(Fail).rated(Medium)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		at := c.inResponse("Upgrade")
		if !hasProtocol(c.chosen, "h2c") {
			return says("Server advertised HTTP/2 or HTTP/3 in a response, which cannot be reached through Upgrade (Upgrade: %s)", at, members(c.chosen))
		}
		if c.X.BackendTLS {
			return says("Server advertised h2c over TLS (Upgrade: %s)", at, members(c.chosen))
		}
		return seen(at, members(c.chosen))
	},
})
