package rules

var _ = register(Rule{
	ID: "UPGRADE-426-NO-UPGRADE", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A server names the required protocol in the Upgrade header of every 426",
	Problem: Problems{
		Refused: "Server sent a 426 without an Upgrade header",
	},
	Label: "426 lacks Upgrade header",
	Refs: []Ref{
		{"9110", "15.5.22", "a 426 has an Upgrade header with the protocols that are required"},
		{"9110", "7.8", "a server that sends a 426 lists in Upgrade what it would accept, best first"},
	},
	Why: `A 426 tells the client to come back with another protocol, and this one does not say
which; the client can only give up. If the server did send the header, a proxy removed it: Go's
ReverseProxy does so with a 426, and others that treat an upgrade like any other request do it
with a 101 too, which leaves the connection in an unknown state.`,
	Fix: `Send Upgrade with what you accept, and Connection: Upgrade, in every 426. For a
	WebSocket endpoint: Upgrade: websocket and Sec-WebSocket-Version: 13.
ws: new WebSocketServer({ port }) answers plain requests with a 426 without Upgrade; use noServer
	and your own request listener.
Go, httputil.ReverseProxy in front: set both headers again in ModifyResponse.
Envoy answers HTTP/1.0 clients with 426: set proxy_http_version 1.1 in the nginx in front of it.
HTTP/2, in front: the gateway leaves both headers out there, where they make the response malformed.`,
	HopByHop: true,
	needs:    needsOther,
	When:     func(c *Case) bool { return c.status() == 426 },
	Judge:    func(c *Case) Result { return oncePerRun(c, c.passIf(len(c.chosen) > 0)) },
	Show: func(c *Case, _ Result) Shown {
		if c.X.Response.Has("Upgrade") {
			return says("Server sent a 426 with an empty Upgrade header", c.inResponse("Upgrade"))
		}
		return seen(c.inResponse())
	},
})

// oncePerRun judges the form of a refusal. A server that refuses all probes in one form has one
// fault, not hundreds, so only the first probe of a run that meets it reports it. A refusal that
// varies is not reported.
func oncePerRun(c *Case, r Result) Result {
	if r.Verdict >= Pass || !c.probed() || c.switched {
		return r
	}
	if c.X.Flaky || c.Seen.First != nil && !c.Seen.First(c.rule.ID) {
		return r.as(NotApplicable)
	}
	return r
}
