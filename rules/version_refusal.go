package rules

import "github.com/interlock-proxy/interlock/wire"

var _ = register(Rule{
	ID: "UPGRADE-WS-VER-ADVERT-SYNTAX", Level: Advice, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server lists its WebSocket versions as numbers from 0 to 255",
	Problem: Problems{
		Refused: "Server sent an invalid list of WebSocket versions: %s (with %s)",
	},
	Label: "Malformed version list",
	Refs: []Ref{
		{"6455", "4.3", "in a response, Sec-WebSocket-Version is a list of one or more numbers from 0 to 255, without leading zeros"},
		{"6455", "4.4", "a server that does not support the requested version lists those that it supports"},
	},
	Why: `A client that looks for its own number in the list does not find it in 13.0, "13" or
"hybi-17", and gives up although both sides support the same version.`,
	Fix:   `Send Sec-WebSocket-Version: 13.`,
	needs: needsOther,
	When:  func(c *Case) bool { return c.X.Response != nil && !c.switched && c.X.Response.Has(versionField) },
	Judge: func(c *Case) Result {
		p, n := c.X.Response, 0
		for e := range p.Elements(versionField) {
			if n++; !isVersion(p.Text(e)) {
				return c.result(Fail)
			}
		}
		return c.passIf(n > 0)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(versionField), responseValues(c, versionField), quoteStatusLine(c))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-VER-CONTRADICT", Level: Advice, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server does not reject a valid handshake with a list of versions that includes the one requested",
	Problem: Problems{
		Refused: "Server rejected a valid handshake for version %s with %s, although it lists that version: %s",
	},
	Label: "Rejected version is advertised",
	Refs: []Ref{
		{"6455", "4.4", "a server that does not support the requested version lists those that it supports"},
		{"6455", "11.3.5", "in a response, the header lists the versions that the server is willing to use"},
	},
	Why: `The client is told to request what it has just requested. Either the handshake was
rejected for another reason, which the response hides, or two parts of the server differ on what
is supported: the one that checks, and the one that writes the response. A proxy that changes the
version on the way looks the same from here.`,
	Fix: `If you reject for another reason, send its status without Sec-WebSocket-Version. Use
	one list for the check and for the response.`,
	needs: needsOther,
	When: func(c *Case) bool {
		return c.websocket && (c.status() == 400 || c.status() == 426) && c.X.Response.Has(versionField) &&
			isVersion(first(&c.X.Request.Head, versionField))
	},
	Judge: func(c *Case) Result {
		asked, p := first(&c.X.Request.Head, versionField), c.X.Response
		for e := range p.Elements(versionField) {
			if wire.EqualFold(p.Text(e), asked) {
				if isValidHandshake(c) {
					return c.result(Fail)
				}
				return c.result(NotApplicable) // something else was refused
			}
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(append(c.inRequest(versionField), c.inResponse(versionField)...),
			requestValues(c, versionField), quoteStatusLine(c), responseValues(c, versionField))
	},
})
