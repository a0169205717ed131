package rules

var _ = register(Rule{
	ID: "UPGRADE-WS-101-TOKEN", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A server answers a WebSocket handshake with Upgrade: websocket and nothing else in that header",
	Problem: Problems{
		Switched: "Server sent Upgrade: %s in the 101 instead of websocket alone",
	},
	Label: "Extra protocol in 101",
	Refs: []Ref{
		{"6455", "4.2.2", "the answer that accepts a handshake has an Upgrade field with the value websocket"},
		{"6455", "4.1", "a client drops the connection if the value is another one, letters of either case aside"},
	},
	Why: `Clients compare the value of the whole field: browsers drop a connection whose 101 says "websocket, h2c",
websocket/13, or websocket twice. Others look for the word and go on. The word stands there twice where a server writes
the field and an intermediary in front of it writes it as well, so the connection works directly and fails through the
gateway; a list comes from a server that writes down all it can do, and then nobody knows what it has switched to.`,
	Fix: `Send Upgrade: websocket, once and without a version.
nginx, in front: no add_header Upgrade; the backend's field is passed on with proxy_http_version 1.1.`,
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
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A server sends exactly one Sec-WebSocket-Accept header",
	Problem: Problems{
		Switched: "Server sent more than one Sec-WebSocket-Accept header: %s",
	},
	Label: "Duplicate Sec-WebSocket-Accept",
	Refs: []Ref{
		{"6455", "11.3.3", "Sec-WebSocket-Accept stands in an answer only once"},
	},
	Why: `Of two values a client compares the first, the last, or both joined by a comma, which never fits; so some clients
connect and others do not. Two values come from two parties that both believe to have switched: an intermediary that
answers by itself and then passes the server's answer on, or two layers of a framework. If the values differ, they were
made from different keys.`,
	Fix:  `Let one party make the answer. Intermediaries that make a key of their own replace the server's value.`,
	When: func(c *Case) bool { return switchedToWebSocket(c) && c.X.Response.Has(acceptField) },
	Judge: func(c *Case) Result {
		return c.passIf(c.X.Response.Count(acceptField) == 1)
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
		{"6455", "11.3.5", "a server sends Sec-WebSocket-Version if the version of the client does not suit it"},
	},
	Why: `The field belongs in a refusal, where it names the versions to try. In a 101 it says nothing: the version is the
one that the client asked for. Clients ignore it. It is worth a look where the value is not that one, since then either
the handshake was not read or the answer was put together from two.`,
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
		{"6455", "4.2.2", "the field belongs to the 101 that accepts a handshake"},
	},
	Why: `The field says yes and the status says no. A reader that goes by the field, a monitor or a gateway that looks for
the proof and not for the status, believes that a connection was opened, and the next request goes into a tunnel that
is none. HAProxy has been seen to add the field to responses that do not switch; or a server has made the whole answer
and an error changed only its status.`,
	Fix: `Write Sec-WebSocket-Accept together with the 101, in one step.`,
	When: func(c *Case) bool {
		return c.X.Response != nil && !c.switched && (c.websocket || c.X.Response.Has(acceptField))
	},
	Judge: func(c *Case) Result { return c.passIf(!c.X.Response.Has(acceptField)) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(acceptField), responseValues(c, acceptField))
	},
})
