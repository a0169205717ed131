package rules

var _ = register(Rule{
	ID: "UPGRADE-101-UNSOLICITED", Level: Must, Party: Server,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "no 101 answers a request that offers nothing",
	Refs: []Ref{
		{"9110", "7.8", "a server does not switch to a protocol that the Upgrade field of the request does not name"},
		{"9110", "15.2.2", "a 101 answers an Upgrade field"},
	},
	Why: `The client goes on in HTTP, the server does not: further requests, with their cookies, are swallowed as data of
another protocol, and whatever the server writes is read as responses. Where a proxy shares its connections to the
server, they are those of other users. Servers that decide by Sec-WebSocket fields alone, as Bun and WebSocket-Node
have done, do this to every request that lost its Upgrade field on a proxy.`,
	Fix: `Switch only if the request has an Upgrade field with a protocol that the server speaks; answer as if nothing had
	been asked for otherwise.`,
	When: func(c *Case) bool { return c.switched },
	Judge: func(c *Case) Result {
		if c.headCut && len(c.offered) == 0 {
			return c.result(Unclear)
		}
		return c.passIf(len(c.offered) > 0)
	},
	Show: func(c *Case, _ Result) (string, []Span) {
		q := c.X.Request
		switch {
		case len(q.Raw) == 0:
			return "101 without a request", c.inResponse()
		case c.headCut:
			return "101 to a request whose head is not known in full", c.inResponse()
		case q.Has("Upgrade"):
			return "101 to a request whose Upgrade field is empty", append(c.inRequest("Upgrade"), c.inResponse()...)
		}
		if overtookEarlierRequest(c) {
			return "101 before the answer to the request in front of the handshake", c.inResponse()
		}
		return "101 to a request without an Upgrade field", c.inResponse()
	},
	Probes: []Probe{
		{ID: "UPGRADE-SEQ-BEHIND-GET", Class: Sequence, Risk: Crash, Title: "a sound handshake right behind a GET", Edit: Ahead(again)},
		{ID: "UPGRADE-MISSING-UPGRADE", Title: "no Upgrade field", Also: []string{"UPGRADE-WS-KEY-STRAY"}, Edit: Without("Upgrade")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-101-NOT-OFFERED", Level: Must, Party: Server,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "a 101 names only protocols that the request offers",
	Refs: []Ref{
		{"9110", "7.8", "a server does not switch to a protocol that the Upgrade field of the request does not name"},
	},
	Why: `The client waits for the protocol that it asked for and gets another; at best it drops the connection.
Intermediaries go by the offer: one that lets WebSocket through and nothing else opens a tunnel, and if the server
then says h2c or TLS, whatever the two ends agreed on runs past it. nginx 1.22 and HAProxy 2.6 do not compare the
answer with the offer.`,
	Fix: `Put into the 101 the one member of the request's list that was chosen, name and version as they were offered. A
	stack that begins with TLS may list HTTP behind it.`,
	When: func(c *Case) bool { return c.switched && len(c.chosen) > 0 && len(c.offered) > 0 },
	Judge: func(c *Case) Result {
		for i, m := range c.chosen {
			last := i > 0 && i == len(c.chosen)-1
			if !wasOffered(c, m) && !(last && m.Is("HTTP") && c.chosen[i-1].Is("TLS")) { // RFC 2817 §3.3 prints TLS/1.0, HTTP/1.1
				return c.result(Fail)
			}
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) (string, []Span) {
		return "101 to " + members(c.chosen) + ", offered was " + members(c.offered),
			append(c.inRequest("Upgrade"), c.inResponse("Upgrade")...)
	},
	Probes: []Probe{
		{ID: "UPGRADE-UNKNOWN-WSFIELDS", Title: "a made-up protocol with the fields of WebSocket", Also: []string{"UPGRADE-UNKNOWN"}, Edit: Set("Upgrade", "totally-made-up/1.0")},
		{ID: "UPGRADE-TOKEN-WEBSOCKETS", Title: "websockets in place of websocket", Also: []string{"UPGRADE-UNKNOWN"}, Edit: Set("Upgrade", "websockets")},
		{ID: "UPGRADE-TOKEN-XWEBSOCKET", Title: "xwebsocket in place of websocket", Also: []string{"UPGRADE-UNKNOWN"}, Edit: Set("Upgrade", "xwebsocket")},
		{ID: "UPGRADE-TOKEN-HYPHEN", Title: "not-websocket in place of websocket", Also: []string{"UPGRADE-UNKNOWN"}, Edit: Set("Upgrade", "not-websocket")},
		{ID: "UPGRADE-TOKEN-H2C-WSFIELDS", Title: "h2c with the fields of WebSocket", Edit: Set("Upgrade", "h2c")},
		{ID: "UPGRADE-H2C-TYPO", Control: "h2c", Title: "xh2c in place of h2c", Also: []string{"UPGRADE-UNKNOWN"}, Edit: Edits(OfferH2C(), Set("Upgrade", "xh2c"))},
		{ID: "UPGRADE-HTTP-SELF", Title: "an offer of HTTP/1.1", Edit: Offer("HTTP/1.1")},
		{ID: "UPGRADE-HTTP2-NAME", Title: "an offer of HTTP/2.0", Edit: Offer("HTTP/2.0")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-101-NO-UPGRADE", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High, Worst: Critical}, Since: "0.1",
	Title: "a 101 names the protocol that it switches to",
	Refs: []Ref{
		{"9110", "15.2.2", "a 101 carries an Upgrade field that says what is spoken from there on"},
		{"9110", "7.8", "a server that sends a 101 sends an Upgrade field with it"},
		{"6455", "4.2.2", "the answer that accepts a handshake has Upgrade: websocket"},
	},
	Why: `Nobody can tell what the connection speaks from there on. A WebSocket client drops it; an intermediary that goes
by the status alone, as nginx does, opens a tunnel for bytes that nobody agreed on. Where the request came through an
intermediary that is a hole in it, and the rule is critical. Often the field was lost on a gateway that asks an
authentication service first and puts the response together anew (NPMplus with Authelia).`,
	Fix: `Send Upgrade with the chosen protocol, and Connection: Upgrade, in every 101.
nginx and what is built on it: look for what hides or sets response fields in the location, proxy_hide_header
	Upgrade above all.`,
	HopByHop: true,
	When:     func(c *Case) bool { return c.switched },
	Judge: func(c *Case) Result {
		if len(c.chosen) > 0 {
			return c.result(Pass)
		}
		if c.forwarded() {
			return c.result(Fail).rated(c.rule.Severity.Worst)
		}
		return c.result(Fail)
	},
	Show: func(c *Case, _ Result) (string, []Span) {
		saw := "101 without an Upgrade field"
		if c.X.Response.Has("Upgrade") {
			saw = "101 with an empty Upgrade field"
		}
		if c.forwarded() {
			saw += ", to a request that came through an intermediary"
		}
		return saw, c.inResponse("Upgrade")
	},
})

// overtookEarlierRequest reports whether a 101 came before the answer to the request that the probe sent in front of its handshake: answers
// come in the order of the requests, so it answers the first.
func overtookEarlierRequest(c *Case) bool {
	return c.probe != nil && c.probe.ID == "UPGRADE-SEQ-BEHIND-GET" && len(c.offered) == 0
}
