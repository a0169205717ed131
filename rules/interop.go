package rules

var _ = register(Rule{
	ID: "UPGRADE-INTEROP", Level: Advice, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "a request that is legal is answered as it should be, in every form: a plain one, a handshake, a ping",
	Refs: []Ref{
		{"9110", "5.1", "the names of fields are the same in letters of either case"},
		{"9110", "5.3", "several lines of a list field are the same as one"},
		{"9110", "5.6.1.2", "empty elements of a list are passed over"},
		{"9110", "7.6.1", "connection options are the same in letters of either case"},
		{"9112", "2.2", "a server should pass over an empty line in front of a request line"},
		{"9112", "3.2.2", "a server accepts the absolute-form of a target"},
		{"9112", "5.1", "white space around a field value is no part of it"},
		{"6455", "5.5.2", "a ping is answered with a pong"},
	},
	Why: `Browsers and intermediaries write the same handshake in different ways: Firefox sends Connection: keep-alive,
Upgrade, some proxies split a list over two lines or write names in small letters, others send absolute targets, and the
network cuts a head in two where it likes. A server that compares bytes, or expects all of a request in one read, turns
such clients away. It does no harm, but an outage for some of the users looks like one of the network. Of the servers that
were tried, 16 refused a Connection field in two lines. A server that switches and then answers no ping loses its
connections wherever an intermediary or a client uses pings to find out whether anybody is there.`,
	Fix: `Compare field names, options and protocol names in ASCII without regard to case, cut white space off values, read
	Connection and Upgrade as lists over all their lines, and read a head until its empty line has come.
A maintained HTTP parser in front of the handshake does all of this.`,
	When: func(c *Case) bool { return c.probe != nil && c.probe.rule.ID == "UPGRADE-INTEROP" },
	Judge: func(c *Case) Result {
		if c.probe.Class == Sequence && c.switched {
			return judgePing(c)
		}
		return RefuseSwitch(c)
	},
	Show: func(c *Case, _ Result) (string, []Span) {
		if c.switched {
			return "a ping behind the switch and no pong", c.inResponse()
		}
		return c.probe.Title, c.inRequest("Connection", "Upgrade")
	},
	Probes: []Probe{
		{ID: "CTRL-PLAIN", Class: Alive, Title: "no offer at all", Edit: Edits(Offer(""), Without("Upgrade", "Connection"))},
		{ID: "CTRL-WS", Class: Accept, Title: "a sound handshake"},
		{ID: "CTRL-END", Class: Accept, Title: "a sound handshake after everything else"},
		{ID: "CTRL-WS-FIREFOX", Class: Interop, Title: "Connection: keep-alive, Upgrade", Edit: Set("Connection", "keep-alive, Upgrade")},
		{ID: "CTRL-WS-CASE", Class: Interop, Title: "names and tokens in odd cases", Edit: Edits(
			Rename("Host", "hOST"), Rename("Connection", "cOnNeCtIoN"), Rename("Upgrade", "UPGRADE"), Rename(keyField, "SEC-WEBSOCKET-KEY"),
			Rename(versionField, "sec-websocket-version"), Set("Connection", "uPgRaDe"), Set("Upgrade", "WebSocket"))},
		{ID: "CTRL-WS-TWO-CONN", Class: Interop, Title: "keep-alive and upgrade in two lines",
			Edit: Edits(Set("Connection", "keep-alive"), Twice("Connection", "Upgrade"))},
		{ID: "CTRL-WS-OWS", Class: Interop, Title: "odd white space around values", Edit: Edits(
			Between("Connection", ":\t"), Ending("Connection", " \t"+crlf), Between("Upgrade", ":"), Between(keyField, ":   "),
			Ending(keyField, "  "+crlf), Between(versionField, ":"))},
		{ID: "CTRL-WS-ABSFORM", Class: Interop, Title: "an absolute target",
			Edit: Target(func(h *Handshake) string { return h.Scheme + "://" + h.Host + h.Path })},
		{ID: "CTRL-WS-EMPTYELT", Class: Interop, Title: "empty elements around upgrade", Edit: Set("Connection", ",Upgrade,")},
		{ID: "CTRL-WS-LIST", Class: Either, Title: "websocket behind another protocol", Edit: Set("Upgrade", "foo/2, websocket")},
		{ID: "UPGRADE-LIST-H2C-WS", Class: Either, Title: "h2c and websocket in one line", Edit: Set("Upgrade", "h2c, websocket")},
		{ID: "UPGRADE-EXPECT-UNKNOWN", Class: Either, Title: "an expectation that nobody knows", Edit: Set("Expect", "the-moon")},
		{ID: "UPGRADE-SPLIT-HEAD", Class: Interop, Title: "a head in two segments", Edit: func(h *Handshake) { h.Split = len(h.Head()) / 2 }},
		{ID: "UPGRADE-TRIPLE-SP", Class: Either, Title: "three spaces between the parts of the request line", Edit: func(h *Handshake) { h.Gap = "   " }},
		{ID: "UPGRADE-LEADING-CRLF", Class: Either, Title: "an empty line in front of the request", Edit: func(h *Handshake) { h.Before = crlf }},
		{ID: "UPGRADE-SEQ-PING", Class: Sequence, Title: "a ping behind the switch", Edit: After(Always(ping))},
	},
})

// judgePing is the verdict on a server that has switched and was sent a ping.
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
