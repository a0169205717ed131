package rules

var _ = register(Rule{
	ID: "UPGRADE-101-UNSOLICITED", Level: Must, Party: Server,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A server sends a 101 only in answer to a request that offers a protocol in Upgrade",
	Problem: Problems{
		Switched: "Server sent a 101 to a request without an Upgrade header",
	},
	Label: "101 without an offer",
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
	Show: func(c *Case, _ Result) Shown {
		switch q := c.X.Request; {
		case len(q.Raw) == 0:
			return says("Server sent a 101 without a request", c.inResponse())
		case c.headCut:
			return says("Server sent a 101 to a request whose headers were not captured in full", c.inResponse())
		case q.Has("Upgrade"):
			return says("Server sent a 101 to a request whose Upgrade header is empty", append(c.inRequest("Upgrade"), c.inResponse()...))
		case overtookEarlierRequest(c):
			return says("Server sent the 101 before its response to the request that preceded the handshake", c.inResponse())
		}
		return seen(c.inResponse())
	},
	Probes: []Probe{
		{ID: "UPGRADE-SEQ-BEHIND-GET", Class: Sequence, Risk: Crash, Label: "Handshake sent right after a GET", Want: "The response to the GET first; then a 101 or a rejection",
			Edit: Ahead(again)},
		{ID: "UPGRADE-MISSING-UPGRADE", Label: "No Upgrade header", Also: []string{"UPGRADE-WS-KEY-STRAY"},
			Edit: Without("Upgrade")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-101-NOT-OFFERED", Level: Must, Party: Server,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A server switches only to a protocol that the client offered",
	Problem: Problems{
		Switched: "Server switched to %s; the client had offered %s",
	},
	Label: "Switched to unoffered protocol",
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
	Show: func(c *Case, _ Result) Shown {
		return seen(append(c.inRequest("Upgrade"), c.inResponse("Upgrade")...), members(c.chosen), members(c.offered))
	},
	Probes: []Probe{
		{ID: "UPGRADE-UNKNOWN-WSFIELDS", Label: "Made-up protocol with WebSocket headers", Also: []string{"UPGRADE-UNKNOWN"},
			Edit: Set("Upgrade", "totally-made-up/1.0")},
		{ID: "UPGRADE-TOKEN-WEBSOCKETS", Label: "Upgrade: websockets", Also: []string{"UPGRADE-UNKNOWN"},
			Edit: Set("Upgrade", "websockets")},
		{ID: "UPGRADE-TOKEN-XWEBSOCKET", Label: "Upgrade: xwebsocket", Also: []string{"UPGRADE-UNKNOWN"},
			Edit: Set("Upgrade", "xwebsocket")},
		{ID: "UPGRADE-TOKEN-HYPHEN", Label: "Upgrade: not-websocket", Also: []string{"UPGRADE-UNKNOWN"},
			Edit: Set("Upgrade", "not-websocket")},
		{ID: "UPGRADE-TOKEN-H2C-WSFIELDS", Label: "Upgrade: h2c with WebSocket headers",
			Edit: Set("Upgrade", "h2c")},
		{ID: "UPGRADE-H2C-TYPO", Control: "h2c", Label: "Upgrade: xh2c instead of h2c", Also: []string{"UPGRADE-UNKNOWN"},
			Edit: Edits(OfferH2C(), Set("Upgrade", "xh2c"))},
		{ID: "UPGRADE-HTTP-SELF", Label: "Upgrade: HTTP/1.1", Edit: Offer("HTTP/1.1")},
		{ID: "UPGRADE-HTTP2-NAME", Label: "Upgrade: HTTP/2.0", Edit: Offer("HTTP/2.0")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-101-NO-UPGRADE", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High, Worst: Critical}, Since: "0.1",
	Title: "A server names the new protocol in the Upgrade header of every 101",
	Problem: Problems{
		Switched: "Server sent a 101 without an Upgrade header",
	},
	Label: "101 lacks Upgrade header",
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
	Show: func(c *Case, _ Result) Shown {
		text := "Server sent a 101 without an Upgrade header"
		if c.X.Response.Has("Upgrade") {
			text = "Server sent a 101 with an empty Upgrade header"
		}
		if c.forwarded() {
			text += " in reply to a request that came through a proxy"
		}
		return says(text, c.inResponse("Upgrade"))
	},
})

// overtookEarlierRequest reports whether a 101 came before the answer to the request that the probe sent in front of its handshake: answers
// come in the order of the requests, so it answers the first.
func overtookEarlierRequest(c *Case) bool {
	return c.probe != nil && c.probe.ID == "UPGRADE-SEQ-BEHIND-GET" && len(c.offered) == 0
}
