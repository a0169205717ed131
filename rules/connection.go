package rules

import "github.com/interlock-proxy/interlock/wire"

var _ = register(Rule{
	ID: "UPGRADE-MISSING-CONN", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "nobody switches on an Upgrade field that Connection does not name",
	Refs: []Ref{
		{"6455", "4.2.1", "a server goes on with a handshake only if the connection option upgrade is there"},
		{"9110", "7.8", "who sends Upgrade sends the connection option upgrade with it, so that nobody passes the field on"},
		{"9110", "7.6.1", "a field about the connection that arrives without its option was passed on by mistake and is to be ignored"},
	},
	Why: `The option is what makes an intermediary take the field off. Where it is missing, an intermediary that knows
nothing of upgrades has most likely passed the field on, and will go on reading HTTP on a connection that the server
has left: bytes of the tunnel turn into requests and responses, and where connections are shared, into those of other
users. Netty up to 4.1.79, libwebsockets 2.4 and Bun have switched without the option. For protocols other than
WebSocket the RFC only says that the field ought to be ignored; there a switch counts as high, not as critical.`,
	Fix: `Read all Connection fields as one list of tokens, compare them without regard to case, and switch only if upgrade is
	one of them; "keep-alive, Upgrade" (Firefox) is valid, "keep-alive Upgrade" and "xUpgrade" are not.
Netty: 4.1.80 or later (netty/netty#12606).
nginx, in front: proxy_set_header Connection $connection_upgrade, with a map that sets it to upgrade only where
	$http_upgrade is websocket; nginx writes the option itself, whatever the client sent.`,
	HopByHop: true,
	When:     func(c *Case) bool { return !c.optionSent && !c.headCut && c.X.Request.Has("Upgrade") },
	Judge: func(c *Case) Result {
		res := RefuseSwitch(c)
		switch {
		case c.websocket:
			res.Refs = res.Refs[:2]
		case c.switched:
			return res.rated(High)
		}
		return res
	},
	Show: func(c *Case, _ Result) (string, []Span) {
		return withoutOption(&c.X.Request.Head), c.inRequest("Upgrade", "Connection")
	},
	Probes: []Probe{
		{ID: "UPGRADE-MISSING-CONN", Title: "Upgrade without Connection", Edit: Without("Connection")},
		{ID: "UPGRADE-CONN-KEEPALIVE", Title: "Connection: keep-alive", Edit: Set("Connection", "keep-alive")},
		{ID: "UPGRADE-CONN-CLOSE", Title: "Connection: close", Edit: Set("Connection", "close")},
		{ID: "UPGRADE-CONN-EMPTY", Title: "an empty Connection field", Edit: Set("Connection", "")},
		{ID: "UPGRADE-CONN-SUFFIX", Title: "Connection: Upgraded", Edit: Set("Connection", "Upgraded")},
		{ID: "UPGRADE-CONN-PREFIX", Title: "Connection: xUpgrade", Edit: Set("Connection", "xUpgrade")},
		{ID: "UPGRADE-CONN-HYPHEN", Title: "Connection: no-upgrade", Edit: Set("Connection", "no-upgrade")},
		{ID: "UPGRADE-CONN-PROXY", Title: "Proxy-Connection in place of Connection", Edit: Rename("Connection", "Proxy-Connection")},
		{ID: "UPGRADE-H2C-NO-CONN", Control: "h2c", Title: "h2c without Connection", Edit: Edits(OfferH2C(), Without("Connection"))},
		{ID: "UPGRADE-H2C-CONN-SUFFIX", Control: "h2c", Title: "h2c with Connection: Upgraded",
			Edit: Edits(OfferH2C(), Set("Connection", "Upgraded, "+settingsField))},
		{ID: "UPGRADE-TLS-NO-CONN", Title: "an offer of TLS without Connection", Also: []string{"UPGRADE-TLS-STACK"},
			Edit: Edits(Offer("TLS/1.2"), Without("Connection"))},
		{ID: "UPGRADE-H2C-CONN-SETTINGS-ONLY", Control: "h2c", Title: "h2c with Connection: HTTP2-Settings alone",
			Edit: Edits(OfferH2C(), Set("Connection", settingsField))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-101-MISSING-CONN", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "a 101 carries the connection option upgrade",
	Refs: []Ref{
		{"9110", "7.8", "who sends Upgrade sends the connection option upgrade with it, servers as well"},
		{"6455", "4.2.2", "the answer that accepts a handshake has the connection option upgrade"},
		{"6455", "4.1", "a client drops the connection if the answer lacks the option"},
	},
	Why: `A WebSocket client that keeps to the RFC drops the connection, and intermediaries disagree: one opens the tunnel,
the next takes the 101 for an ordinary response and answers 502 or even 200 (behind Caddy, Proxmox was unreachable for
that reason). While they disagree, one of them waits for HTTP where the other passes raw bytes.`,
	Fix: `Send Connection: Upgrade in every 101; other options may stand beside it, except close.
Intermediaries: pass the option of a 101 on, or set it anew; the server may well have sent it.`,
	HopByHop: true,
	When:     func(c *Case) bool { return c.switched && (len(c.chosen) > 0 || c.websocket) },
	Judge:    func(c *Case) Result { return c.passIf(c.optionReturned) },
	Show: func(c *Case, _ Result) (string, []Span) {
		if h := &c.X.Response.Head; h.Has("Connection") {
			return "101 with Connection " + values(h, "Connection"), c.inResponse("Connection")
		}
		return "101 without a Connection field", c.inResponse()
	},
})

var _ = register(Rule{
	ID: "UPGRADE-RESP-MISSING-CONN", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "a response that advertises protocols carries the connection option upgrade",
	Refs: []Ref{
		{"9110", "7.8", "who sends Upgrade sends the connection option upgrade with it, in any response"},
		{"9110", "7.6.1", "a field about the connection that arrives without its option was passed on by mistake and is to be ignored"},
	},
	Why: `What a server advertises holds for its own connection. Without the option an intermediary passes the field on,
and a client behind it offers h2c, TLS or WebSocket to somebody who never named it; a 426 even demands that.
Intermediaries that drop Connection and keep Upgrade are common, nginx among them; so for any other status this is no
more than a hint.`,
	Fix: `Send Connection: Upgrade with every Upgrade field, or no Upgrade field at all.
Apache httpd: Protocols http/1.1 ends the advertising of h2c.
nginx, in front: proxy_hide_header Upgrade in locations that carry no WebSocket; for a 426, let the backend's answer
	through with both fields.`,
	HopByHop: true,
	When: func(c *Case) bool {
		return c.X.Response != nil && !c.switched && c.X.Response.Has("Upgrade")
	},
	Judge: func(c *Case) Result {
		switch {
		case c.optionReturned:
			return c.result(Pass)
		case c.status() == 426:
			return oncePerRun(c, c.result(Fail).rated(Medium))
		}
		return oncePerRun(c, c.result(Warn))
	},
	Show: func(c *Case, _ Result) (string, []Span) {
		return withoutOption(&c.X.Response.Head), c.inResponse("Upgrade", "Connection")
	},
})

func withoutOption(h *wire.Head) string {
	saw := "Upgrade " + values(h, "Upgrade")
	if h.Has("Connection") {
		return saw + " with Connection " + values(h, "Connection")
	}
	return saw + " without a Connection field"
}
