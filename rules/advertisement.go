package rules

var _ = register(Rule{
	ID: "UPGRADE-ADVERT-H2C", Level: Advice, Party: Server,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A server does not advertise h2c in the Upgrade header of a response",
	Problem: Problems{
		Refused: "Server advertised h2c in a response (Upgrade: %s)",
	},
	Label: "Response advertises h2c",
	Refs: []Ref{
		{"9113", "3.1", "starting HTTP/2 by Upgrade: h2c is given up"},
		{"7540", "3.3", "over TLS the protocol is h2, and h2c is neither sent nor selected"},
	},
	Why: `The server invites clients to a start of HTTP/2 that has been given up, and that leads past filters wherever an
intermediary lets it through (see UPGRADE-H2C-SWITCHED). In the clear it is a relic and does no harm by itself. Over TLS
it is wrong: there h2 is agreed on in the TLS handshake, and a client that takes the invitation up speaks HTTP/2 to
somebody who may not expect it.`,
	Fix: `Apache httpd: Protocols http/1.1 (or h2 http/1.1 with TLS), without h2c; or H2Upgrade off.
In general, send Upgrade only with a 426 and a 101.`,
	HopByHop: true,
	When:     func(c *Case) bool { return len(c.chosen) > 0 && !c.switched },
	Judge: func(c *Case) Result {
		switch {
		case !hasProtocol(c.chosen, "h2c"):
			return c.result(Pass)
		case c.X.BackendTLS:
			return c.result(Fail).rated(Medium)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		at := c.inResponse("Upgrade")
		if c.X.BackendTLS {
			return says("Server advertised h2c over TLS (Upgrade: %s)", at, members(c.chosen))
		}
		return seen(at, members(c.chosen))
	},
})
