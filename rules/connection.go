package rules

var _ = register(Rule{
	ID: "UPGRADE-MISSING-CONN", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "A server switches only if Connection lists upgrade",
	Problem: Problems{
		Switched: "Server accepted the upgrade (%s) although Connection does not list upgrade (Connection: %s)",
		Refused:  "Client sent Upgrade: %s without Connection: Upgrade (Connection: %s)",
	},
	Label: "Upgrade without Connection",
	Refs: []Ref{
		{"6455", "4.2.1", "a server continues with a handshake only if Connection lists upgrade"},
		{"9110", "7.8", "a sender of Upgrade lists upgrade in Connection, so that no one forwards the header"},
		{"9110", "7.6.1", "a hop-by-hop header that arrives without its connection option was forwarded by mistake and is ignored"},
	},
	Why: `Connection: Upgrade makes a proxy remove the Upgrade header. Without it, a proxy
that does not support upgrades has most likely forwarded the header and keeps reading HTTP on a
connection that the server has switched: bytes of the tunnel turn into requests and responses and,
on shared connections, into those of other users. Netty up to 4.1.79, libwebsockets 2.4 and Bun
have switched without it. For protocols other than WebSocket the RFC only says that the header
should be ignored; there a switch counts as high, not as critical.`,
	Fix: `Read all Connection headers as one list of tokens, compare them case-insensitively,
	and switch only if one of them is upgrade. "keep-alive, Upgrade" (Firefox) is valid;
	"keep-alive Upgrade" and "xUpgrade" are not.
Netty: 4.1.80 or later (netty/netty#12606). aiohttp, gobwas/ws, x/net/websocket search for the
	text: use the guard.
nginx, in front: proxy_set_header Connection $connection_upgrade, with a map that sets it to
	upgrade only where $http_upgrade is websocket. nginx writes the header itself, whatever the
	client sent.` + guard,
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
	Show: func(c *Case, _ Result) Shown {
		at, upgrade := c.inRequest("Upgrade", "Connection"), requestValues(c, "Upgrade")
		if c.X.Request.Has("Connection") {
			return seen(at, upgrade, requestValues(c, "Connection"))
		}
		return varies(Problems{
			Switched: "Server accepted the upgrade (%s) although the request has no Connection header",
			Refused:  "Client sent Upgrade: %s without Connection: Upgrade",
		}, at, upgrade)
	},
	Probes: []Probe{
		{ID: "UPGRADE-MISSING-CONN", Label: "No Connection header", Edit: Without("Connection")},
		{ID: "UPGRADE-CONN-KEEPALIVE", Label: "Connection: keep-alive",
			Edit: Set("Connection", "keep-alive")},
		{ID: "UPGRADE-CONN-CLOSE", Label: "Connection: close", Edit: Set("Connection", "close")},
		{ID: "UPGRADE-CONN-EMPTY", Label: "Empty Connection header", Edit: Set("Connection", "")},
		{ID: "UPGRADE-CONN-SUFFIX", Label: "Connection: Upgraded",
			Edit: Set("Connection", "Upgraded")},
		{ID: "UPGRADE-CONN-PREFIX", Label: "Connection: xUpgrade",
			Edit: Set("Connection", "xUpgrade")},
		{ID: "UPGRADE-CONN-HYPHEN", Label: "Connection: no-upgrade",
			Edit: Set("Connection", "no-upgrade")},
		{ID: "UPGRADE-CONN-PROXY", Label: "Proxy-Connection instead of Connection",
			Edit: Rename("Connection", "Proxy-Connection")},
		{ID: "UPGRADE-H2C-NO-CONN", Control: "h2c", Label: "h2c without Connection header",
			Edit: Edits(OfferH2C(), Without("Connection"))},
		{ID: "UPGRADE-H2C-CONN-SUFFIX", Control: "h2c", Label: "h2c: Connection: Upgraded",
			Edit: Edits(OfferH2C(), Set("Connection", "Upgraded, "+settingsField))},
		{ID: "UPGRADE-TLS-NO-CONN", Label: "Upgrade: TLS without Connection header", Also: []string{"UPGRADE-TLS-STACK"},
			Edit: Edits(Offer("TLS/1.2"), Without("Connection"))},
		{ID: "UPGRADE-H2C-CONN-SETTINGS-ONLY", Control: "h2c", Label: "h2c: Connection: HTTP2-Settings only",
			Edit: Edits(OfferH2C(), Set("Connection", settingsField))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-101-MISSING-CONN", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A server sends Connection: Upgrade in every 101",
	Problem: Problems{
		Switched: "Server sent a 101 without a Connection header",
	},
	Label: "101 lacks Connection: Upgrade",
	Refs: []Ref{
		{"9110", "7.8", "a sender of Upgrade lists upgrade in Connection, servers as well"},
		{"6455", "4.2.2", "the response that accepts a handshake lists upgrade in Connection"},
		{"6455", "4.1", "a client closes the connection if the response does not"},
	},
	Why: `A WebSocket client that follows the RFC closes the connection, and proxies disagree:
one opens the tunnel, another takes the 101 for an ordinary response and answers 502 or even 200
(behind Caddy, Proxmox was unreachable for this reason). While they disagree, one of them waits
for HTTP where the other forwards raw bytes.`,
	Fix: `Send Connection: Upgrade in every 101. Other options may be listed with it, except
	close.
In a proxy, forward the Connection: Upgrade of a 101 or set it again; the server may well have
	sent it.`,
	HopByHop: true,
	When:     func(c *Case) bool { return c.switched && (len(c.chosen) > 0 || c.websocket) },
	Judge:    func(c *Case) Result { return c.passIf(c.optionReturned) },
	Show: func(c *Case, _ Result) Shown {
		if c.X.Response.Has("Connection") {
			return says("Server sent a 101 whose Connection header does not list upgrade (Connection: %s)",
				c.inResponse("Connection"), responseValues(c, "Connection"))
		}
		return seen(c.inResponse())
	},
})

var _ = register(Rule{
	ID: "UPGRADE-RESP-MISSING-CONN", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server that sends Upgrade in a response also sends Connection: Upgrade",
	Problem: Problems{
		Refused: "Server sent Upgrade: %s in a response without Connection: Upgrade",
	},
	Label: "Response lacks Connection: Upgrade",
	Refs: []Ref{
		{"9110", "7.8", "a sender of Upgrade lists upgrade in Connection, in any response"},
		{"9110", "7.6.1", "a hop-by-hop header that arrives without its connection option was forwarded by mistake and is ignored"},
	},
	Why: `What a server advertises applies to its own connection only. Without Connection:
Upgrade a proxy forwards the header, and its clients offer h2c, TLS or WebSocket to a server that
never advertised it; a 426 even demands that. Proxies that drop Connection and keep Upgrade are
common, nginx among them, so for any other status this is only a hint.`,
	Fix: `Send Connection: Upgrade with every Upgrade header, or no Upgrade header at all.
Apache httpd: Protocols http/1.1 stops advertising h2c.
nginx, in front: proxy_hide_header Upgrade in locations that carry no WebSocket. For a 426, let
	the backend's response through with both headers.`,
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
	Show: func(c *Case, _ Result) Shown {
		at, upgrade := c.inResponse("Upgrade", "Connection"), responseValues(c, "Upgrade")
		if c.X.Response.Has("Connection") {
			return says("Server sent Upgrade: %s in a response without Connection: Upgrade (Connection: %s)", at,
				upgrade, responseValues(c, "Connection"))
		}
		return seen(at, upgrade)
	},
})
