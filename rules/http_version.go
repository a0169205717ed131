package rules

var _ = register(Rule{
	ID: "UPGRADE-HTTP10", Level: Must, Party: Server,
	Severity: Severities{Refused: Info, Switched: Critical}, Since: "0.1",
	Title: "A server ignores Upgrade in an HTTP/1.0 request",
	Problem: Problems{
		Switched: "Server switched protocols on an HTTP/1.0 request (offered: %s)",
		Refused:  "Client offered %s in an HTTP/1.0 request",
	},
	Label: "Upgrade accepted on HTTP/1.0",
	Refs: []Ref{
		{"9110", "7.8", "a server ignores the Upgrade header of an HTTP/1.0 request"},
		{"9110", "15.2", "HTTP/1.0 has no 1xx status, so a server sends none to such a client"},
		{"6455", "4.2.1", "a WebSocket handshake is a GET over HTTP/1.1 or higher"},
	},
	Why: `An HTTP/1.0 client or proxy takes a 101 for a final response whose body lasts until
the connection ends. Whatever the server writes in the new protocol is delivered, logged or even
cached as a page, and the client's next request is read as frames. An HTTP/1.0 proxy also forwards
Connection and Upgrade without knowing them, so the offer may come from anyone. Most servers do
switch, Vert.x on purpose, because nginx spoke HTTP/1.0 to its backends unless told otherwise. If
there is no HTTP/1.0 hop, you can lower the severity of this rule in the configuration; the switch
remains unsafe.`,
	Fix: `Switch only if the request is HTTP/1.1; answer an HTTP/1.0 request as if it had no
	Upgrade header.
nginx, in front: answer HTTP/1.0 clients before the request is forwarded, as in if
	($server_protocol = HTTP/1.0) { return 426; }. proxy_http_version 1.1 alone does not help,
	since nginx then upgrades the request.
HAProxy: http-request deny if { req.fhdr(upgrade) -m found } !{ req.ver 1.1 }. uvicorn, daphne:
	cannot be fixed in the application; use a proxy.` + guard,
	When: func(c *Case) bool { return c.X.Request.Version == "HTTP/1.0" && len(c.offered) > 0 },
	Show: func(c *Case, _ Result) Shown {
		start := c.X.Request.Start
		at := []Span{{InRequest, max(start.From, start.To-len("HTTP/1.0")), start.To}}
		return seen(append(at, c.inRequest("Upgrade")...), members(c.offered))
	},
	Probes: []Probe{
		{ID: "UPGRADE-HTTP10", Label: "WebSocket handshake over HTTP/1.0",
			Edit: Version("HTTP/1.0")},
		{ID: "UPGRADE-HTTP10-KA", Label: "HTTP/1.0, Connection: keep-alive, Upgrade",
			Edit: Edits(Version("HTTP/1.0"), Set("Connection", "keep-alive, Upgrade"))},
		{ID: "UPGRADE-TLS-HTTP10", Label: "Upgrade: TLS over HTTP/1.0", Also: []string{"UPGRADE-TLS-STACK"},
			Edit: Edits(Offer("TLS/1.2"), Version("HTTP/1.0"))},
		{ID: "UPGRADE-H2C-HTTP10", Control: "h2c", Label: "h2c over HTTP/1.0",
			Edit: Edits(OfferH2C(), Version("HTTP/1.0"))},
	},
})
