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
		{"9110", "7.8", "a server does not switch to a protocol that the Upgrade header of the request does not list"},
		{"9110", "15.2.2", "a 101 is the response to an Upgrade header"},
	},
	Why: `The client continues in HTTP, the server does not: further requests, with their
cookies, are lost as data of another protocol, and whatever the server writes is read as
responses. If a proxy shares its connections to the server, those are responses for other users.
Servers that decide by Sec-WebSocket headers alone, as Bun and WebSocket-Node have done, do this
to every request that lost its Upgrade header in a proxy.`,
	Fix: `Switch only if the request has an Upgrade header with a protocol that the server
	speaks; otherwise answer it as an ordinary request.
HAProxy: deny a 101 to a request without an offer: http-request set-var(txn.up) bool(true) if {
	req.fhdr(upgrade) -m found } and http-response deny deny_status 502 if { status 101 } !{
	var(txn.up) -m bool }` + guard,
	When: func(c *Case) bool { return c.switched },
	Judge: func(c *Case) Result {
		switch {
		case len(c.offered) > 0:
			return c.result(Pass)
		case c.headCut && c.brings("UPGRADE-CRASH"): // the probe sent more than is kept, with an offer at its end
			return c.result(NotApplicable)
		case c.headCut:
			return c.result(Unclear)
		}
		return c.result(Fail)
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
		{"9110", "7.8", "a server does not switch to a protocol that the Upgrade header of the request does not list"},
	},
	Why: `The client waits for the protocol that it asked for and gets another one; at best it
closes the connection. Proxies go by the offer: one that allows only WebSocket opens a tunnel, and
if the server then names h2c or TLS, whatever client and server agreed on bypasses the proxy.
nginx 1.22 and HAProxy 2.6 do not compare the response with the offer.`,
	Fix: `Put into the 101 the one protocol of the request's list that you chose, with name
	and version as offered. A stack that starts with TLS may list HTTP after it.` + guard,
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
		{ID: "UPGRADE-HTTP2-NAME", Label: "Upgrade: HTTP/2.0", Also: []string{"UPGRADE-H2-TOKEN"}, Edit: Offer("HTTP/2.0")},
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
		{"9110", "15.2.2", "a 101 has an Upgrade header that says which protocol follows"},
		{"9110", "7.8", "a server that sends a 101 sends an Upgrade header with it"},
		{"6455", "4.2.2", "the response that accepts a handshake has Upgrade: websocket"},
	},
	Why: `It is undefined which protocol follows. A WebSocket client closes the connection; a
proxy that goes by the status alone, as nginx does, opens a tunnel for bytes that no one agreed
on. If the request came through a proxy, that is a hole in the proxy, and the rule is critical.
Often a gateway that asks an authentication service first and then rebuilds the response lost the
header (NPMplus with Authelia).`,
	Fix: `Send Upgrade with the chosen protocol, and Connection: Upgrade, in every 101.
nginx and products based on it: look for directives that hide or set response headers in the
	location, above all proxy_hide_header Upgrade.`,
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

// overtookEarlierRequest reports whether a 101 came before the response to the request that the
// probe sent ahead of its handshake. Responses come in the order of the requests, so the 101
// answers the first one.
func overtookEarlierRequest(c *Case) bool {
	return c.probe != nil && c.probe.ID == "UPGRADE-SEQ-BEHIND-GET" && len(c.offered) == 0
}
