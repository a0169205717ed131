package rules

import "bytes"

var _ = register(Rule{
	ID: "UPGRADE-WS-101-TOKEN", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A server answers a WebSocket handshake with Upgrade: websocket and nothing else in that header",
	Problem: Problems{
		Switched: "Server sent Upgrade: %s in the 101 instead of websocket alone",
	},
	Label: "Extra protocol in 101",
	Refs: []Ref{
		{"6455", "4.2.2", "the response that accepts a handshake has an Upgrade header with the value websocket"},
		{"6455", "4.1", "a client closes the connection if the value is different, apart from case"},
	},
	Why: `Clients compare the value of the whole header: browsers close a connection whose 101
says "websocket, h2c", websocket/13, or websocket twice. Others look for the word and continue.
The word is there twice if the server writes the header and a proxy in front writes it again, so
the connection works directly and fails through the gateway. A list comes from a server that
writes everything it supports, and then it is unclear what it has switched to.`,
	Fix: `Send Upgrade: websocket, once and without a version.
nginx, in front: no add_header Upgrade; with proxy_http_version 1.1 the backend's header is
	forwarded.`,
	HopByHop: true,
	When:     func(c *Case) bool { return switchedToWebSocket(c) && hasProtocol(c.chosen, "websocket") },
	Judge: func(c *Case) Result {
		return c.passIf(len(c.chosen) == 1 && c.chosen[0].Version == "" && c.chosen[0].Valid)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse("Upgrade"), responseValues(c, "Upgrade"))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-ACCEPT-DUP", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium, Worst: High}, Since: "0.1",
	Title: "A server sends exactly one Sec-WebSocket-Accept header",
	Problem: Problems{
		Switched: "Server sent more than one Sec-WebSocket-Accept header: %s",
	},
	Label: "Duplicate Sec-WebSocket-Accept",
	Refs: []Ref{
		{"6455", "11.3.3", "Sec-WebSocket-Accept appears only once in a response"},
	},
	Why: `Of two values a client compares the first, the last, or both joined by a comma,
which never matches; so some clients connect and others do not: Chromium and ws never do. Two
values come from two parties that both believe to have switched: a proxy that answers by itself
and then forwards the server's response, or two layers of a framework. If the values differ, they
were computed from different keys, and no client that compares both may continue; then the rule is
high.`,
	Fix: `Let one party write the response. A proxy that makes its own key replaces the
	server's value.`,
	When: func(c *Case) bool { return switchedToWebSocket(c) && c.X.Response.Has(acceptField) },
	Judge: func(c *Case) Result {
		p := &c.X.Response.Head
		for v := range p.Values(acceptField) {
			if !bytes.Equal(p.Text(v), first(p, acceptField)) {
				return c.result(Fail).rated(c.rule.Severity.Worst)
			}
		}
		return c.passIf(p.Count(acceptField) == 1)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(acceptField), responseValues(c, acceptField))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-VER-IN-101", Level: Advice, Party: Server,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A server sends no Sec-WebSocket-Version header with a 101",
	Problem: Problems{
		Switched: "Server sent Sec-WebSocket-Version: %s with the 101",
	},
	Label: "Version header in 101",
	Refs: []Ref{
		{"6455", "11.3.5", "a server sends Sec-WebSocket-Version if the version of the client does not match"},
	},
	Why: `The header belongs in a rejection, where it lists the versions to try. In a 101 it
says nothing, because the version is the one that the client requested, and clients ignore it. It
is worth a look if the value is different: then either the handshake was not read, or the response
was assembled from two.`,
	Fix:  `Send Sec-WebSocket-Version with 400 and 426 only.`,
	When: switchedToWebSocket,
	Judge: func(c *Case) Result {
		if c.X.Response.Has(versionField) {
			return c.result(Warn)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(versionField), responseValues(c, versionField))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-ACCEPT-STRAY", Level: Advice, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server sends Sec-WebSocket-Accept only with a 101",
	Problem: Problems{
		Refused: "Server sent Sec-WebSocket-Accept: %s in a response that does not switch",
	},
	Label: "Sec-WebSocket-Accept without 101",
	Refs: []Ref{
		{"6455", "11.3.3", "Sec-WebSocket-Accept says that the server is willing to open the connection"},
		{"6455", "4.2.2", "the header belongs to the 101 that accepts a handshake"},
	},
	Why: `The header says yes and the status says no. A monitor or gateway that looks at the
header and not at the status believes that a connection was opened, and sends the next request
into a tunnel that does not exist. HAProxy has been seen to add the header to responses that do
not switch; or a server had written the whole response and an error changed only its status.`,
	Fix:   `Write Sec-WebSocket-Accept together with the 101, in one step.`,
	needs: needsOther,
	When: func(c *Case) bool {
		return c.X.Response != nil && !c.switched && (c.websocket || c.X.Response.Has(acceptField))
	},
	Judge: func(c *Case) Result { return c.passIf(!c.X.Response.Has(acceptField)) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(acceptField), responseValues(c, acceptField))
	},
})
