package rules

var _ = register(Rule{
	ID: "UPGRADE-TLS-OFFER", Level: May, Party: Server,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A server does not refuse a request because it offers TLS",
	Problem: Problems{
		Refused: "Server answered a request that offers TLS (%s) with %s, possibly because of the offer",
	},
	Label: "Refused because of TLS offer",
	Refs: []Ref{
		{"2817", "3.1", "a client may offer TLS with any request whose response may come in plain text; the server answers as usual, or switches"},
		{"9110", "7.8", "a server may ignore Upgrade, and a client cannot insist on an upgrade with it"},
	},
	Why: `Apache HttpClient has offered TLS/1.2 with its plain-text GET, HEAD and OPTIONS
requests since 5.4, by default; CUPS offers TLS too. These clients want an ordinary response.
Envoy, and so Istio, answered them with 403 (upgrade_failed), and after an update of that library
services could no longer reach each other. Ignoring the offer is the normal case.`,
	Fix: `Ignore an Upgrade header that lists nothing you support, and answer the request.
Envoy: list websocket in upgrade_configs; any other Upgrade gets a 403, so remove the header in
	front (envoyproxy/envoy#36305).
Apache HttpClient, until the server is fixed:
	RequestConfig.custom().setProtocolUpgradeEnabled(false).`,
	needs: needsTLS,
	When: func(c *Case) bool { // an invalid offer may be rejected
		return hasProtocol(c.offered, "TLS") && c.X.Response != nil && (c.optionSent || c.headCut) && atLeast11(c.X.Request.Version)
	},
	Judge: func(c *Case) Result {
		switch c.status() {
		case 400, 403, 501:
			return c.result(Warn)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(append(c.inRequest("Upgrade"), c.inResponse()...), members(c.offered), quoteStatusLine(c))
	},
})
