package rules

import "github.com/interlock-proxy/interlock/wire"

var _ = register(Rule{
	ID: "UPGRADE-WS-VER-ADVERT-SYNTAX", Level: Advice, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "a refusal names WebSocket versions as numbers",
	Refs: []Ref{
		{"6455", "4.3", "in a response, Sec-WebSocket-Version is a list of one or more numbers from 0 to 255, without leading zeros"},
		{"6455", "4.4", "a server that does not speak the version asked for lists those it speaks"},
	},
	Why: `A client that looks for its own number in the list does not find it in 13.0, "13" or "hybi-17", and gives up
although both sides speak the same version.`,
	Fix:  `Send Sec-WebSocket-Version: 13.`,
	When: func(c *Case) bool { return c.X.Response != nil && !c.switched && c.X.Response.Has(versionField) },
	Judge: func(c *Case) Result {
		p, n := c.X.Response, 0
		for e := range p.Elements(versionField) {
			if n++; !isVersion(p.Text(e)) {
				return c.result(Fail)
			}
		}
		return c.passIf(n > 0)
	},
	Show: func(c *Case, _ Result) (string, []Span) {
		p := c.X.Response
		return quote(p.Text(p.Start)) + " with Sec-WebSocket-Version " + values(&p.Head, versionField), c.inResponse(versionField)
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-VER-CONTRADICT", Level: Advice, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "a version that is refused is not among those that the refusal names",
	Refs: []Ref{
		{"6455", "4.4", "a server that does not speak the version asked for lists those it speaks"},
		{"6455", "11.3.5", "in a response, the field names the versions that the server is ready to use"},
	},
	Why: `The client is told to ask again for what it asked for. Either the handshake was refused for another reason, which
the answer hides, or two parts of the server differ on what is spoken: one that checks, and one that writes the answer.
An intermediary that changes the version on the way looks the same from here.`,
	Fix: `Refuse for another reason with a status and without Sec-WebSocket-Version; let the check and the answer read one
	list.`,
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
	Show: func(c *Case, _ Result) (string, []Span) {
		return "Sec-WebSocket-Version " + values(&c.X.Request.Head, versionField) + " refused with " +
				quote(c.X.Response.Text(c.X.Response.Start)) + ", which names " + values(&c.X.Response.Head, versionField),
			append(c.inRequest(versionField), c.inResponse(versionField)...)
	},
})
