package rules

var _ = register(Rule{
	ID: "UPGRADE-INTEROP", Level: Advice, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server accepts a valid handshake in every form that HTTP allows, and answers a ping and a plain request",
	Problem: Problems{
		Switched: "Server did not answer a ping after the 101",
		Refused:  "Server did not accept a valid handshake: %s",
	},
	Label: "Valid handshake not accepted",
	Refs: []Ref{
		{"9110", "5.1", "header names are case-insensitive"},
		{"9110", "5.3", "several lines of a list header mean the same as one"},
		{"9110", "5.6.1.2", "empty elements of a list are ignored"},
		{"9110", "7.6.1", "connection options are case-insensitive"},
		{"9112", "2.2", "a server should ignore an empty line before a request line"},
		{"9112", "3.2.2", "a server accepts an absolute URL as request target"},
		{"9112", "5.1", "whitespace around a header value is not part of it"},
		{"6455", "5.5.2", "a ping is answered with a pong"},
	},
	Why: `Browsers and proxies write the same handshake in different ways: Firefox sends
Connection: keep-alive, Upgrade, some proxies split a list over two lines or write names in lower
case, others send absolute URLs, and the network splits a request anywhere. A server that compares
bytes, or expects the whole request in one read, rejects such clients. That is not a security
problem, but an outage for some users looks like a network problem. Of the servers tested, 16
rejected a Connection header in two lines. A server that switches and then answers no ping loses
its connections wherever a proxy or client uses pings as a keep-alive.`,
	Fix: `Compare header names, options and protocol names case-insensitively in ASCII, trim
	whitespace from values, read Connection and Upgrade as lists over all their lines, and read
	until the empty line after the headers.
A maintained HTTP parser in front of the handshake does all of this.`,
	needs: needsProbe,
	When:  func(c *Case) bool { return c.probe != nil && c.probe.rule.ID == "UPGRADE-INTEROP" },
	Judge: func(c *Case) Result {
		if c.probe.Class == Sequence && c.switched {
			return judgePing(c)
		}
		return RefuseSwitch(c)
	},
	Show: func(c *Case, _ Result) Shown {
		switch {
		case !c.switched:
			return seen(c.inRequest("Connection", "Upgrade"), c.probe.Label)
		case c.probe.Class == Sequence:
			return seen(c.inResponse())
		}
		return says("Server switched protocols on a plain request: %s", c.inResponse(), c.probe.Label)
	},
	Probes: []Probe{
		{ID: "CTRL-PLAIN", Class: Alive, Label: "Plain GET without upgrade headers",
			Edit: Edits(Offer(""), Without("Upgrade", "Connection"))},
		{ID: "CTRL-WS", Class: Accept, Label: "Valid WebSocket handshake"},
		{ID: "CTRL-END", Class: Accept, Label: "Valid WebSocket handshake (end of run)"},
		{ID: "CTRL-WS-FIREFOX", Class: Interop, Label: "Connection: keep-alive, Upgrade (Firefox)",
			Edit: Set("Connection", "keep-alive, Upgrade")},
		{ID: "CTRL-WS-CASE", Class: Interop, Label: "Header names and values in mixed case",
			Edit: Edits(
				Rename("Host", "hOST"), Rename("Connection", "cOnNeCtIoN"), Rename("Upgrade", "UPGRADE"), Rename(keyField, "SEC-WEBSOCKET-KEY"),
				Rename(versionField, "sec-websocket-version"), Set("Connection", "uPgRaDe"), Set("Upgrade", "WebSocket"))},
		{ID: "CTRL-WS-TWO-CONN", Class: Interop, Label: "keep-alive and Upgrade in two headers",
			Edit: Edits(Set("Connection", "keep-alive"), Twice("Connection", "Upgrade"))},
		{ID: "CTRL-WS-OWS", Class: Interop, Label: "Unusual whitespace around header values",
			Edit: Edits(
				Between("Connection", ":\t"), Ending("Connection", " \t"+crlf), Between("Upgrade", ":"), Between(keyField, ":   "),
				Ending(keyField, "  "+crlf), Between(versionField, ":"))},
		{ID: "CTRL-WS-ABSFORM", Class: Interop, Label: "Request target as absolute URL",
			Edit: Target(func(h *Handshake) string { return h.Scheme + "://" + h.Host + h.Path })},
		{ID: "CTRL-WS-EMPTYELT", Class: Interop, Label: "Empty list elements around upgrade",
			Edit: Set("Connection", ",Upgrade,")},
		{ID: "CTRL-WS-LIST", Class: Either, Label: "Upgrade: foo/2, websocket",
			Edit: Set("Upgrade", "foo/2, websocket")},
		{ID: "UPGRADE-LIST-H2C-WS", Class: Either, Label: "Upgrade: h2c, websocket",
			Edit: Set("Upgrade", "h2c, websocket")},
		{ID: "UPGRADE-EXPECT-UNKNOWN", Class: Either, Label: "Expect: the-moon (unknown expectation)",
			Edit: Set("Expect", "the-moon")},
		{ID: "UPGRADE-SPLIT-HEAD", Class: Interop, Label: "Request head split over two TCP segments",
			Edit: func(h *Handshake) { h.Split = len(h.Head()) / 2 }},
		{ID: "UPGRADE-TRIPLE-SP", Class: Either, Label: "Three spaces between request line parts",
			Edit: func(h *Handshake) { h.Gap = "   " }},
		{ID: "UPGRADE-LEADING-CRLF", Class: Either, Label: "Empty line before the request", Want: "Any valid response; 101 is best",
			Edit: func(h *Handshake) { h.Before = crlf }},
		{ID: "UPGRADE-SEQ-PING", Class: Sequence, Label: "Ping sent after the 101", Want: "101, then a pong",
			Edit: After(Always(ping))},
	},
})

// judgePing judges a server that has switched and was sent a ping.
func judgePing(c *Case) Result {
	_, answered := findPong(c, pingInContent)
	switch {
	case !c.X.Complete:
		return c.result(NotApplicable)
	case answered:
		return c.result(Pass)
	case serverCloses(c), c.X.After.ServerClosed:
		return c.result(Unclear)
	}
	return c.result(Warn)
}
