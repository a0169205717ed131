package rules

import "strings"

var _ = register(Rule{
	ID: "UPGRADE-TARGET-CANARY", Level: Advice, Party: Server,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A server connects to no address because a request names it",
	Problem: Problems{
		Switched: "Server connected to the address that the request names, where Interlock listens: %s",
		Refused:  "Server connected to the address that the request names, where Interlock listens: %s",
	},
	Label: "Server fetches what a request names",
	Refs: []Ref{
		{"9110", "7.4", "a server rejects requests that are not for it"},
		{"9110", "9.3.6", "a proxy restricts CONNECT to known ports or to a list of addresses"},
	},
	Why: `Whoever can send this request reaches what the server reaches: services on its
loopback interface, databases, other hosts of its network, the metadata service of the cloud with
its credentials (server-side request forgery). Code that forwards upgrades often does it apart from
the rest of the server, and takes the whole target or Host for the address: in Next.js that was
CVE-2026-44578. The probe names only a listener of Interlock's own.`,
	Fix: `Take the address of an upstream from the configuration, never from the request. Answer
	400 or 421 to a target or Host that is not one of your names, and 405 to CONNECT.
Next.js: 15.5.16, 16.2.5 or later.
nginx: no $host, $http_host or $request_uri in the host of proxy_pass.
Apache httpd: ProxyRequests Off; no %{HTTP_HOST} in a RewriteRule with [P].
Node.js, http-proxy: a fixed target; set req.url to a path before you forward an upgrade.`,
	needs: needsProbe,
	When: func(c *Case) bool {
		return c.brings("UPGRADE-TARGET-CANARY") && (c.X.Response != nil || len(c.X.Lured) > 0)
	},
	Judge: func(c *Case) Result {
		if len(c.X.Lured) == 0 && c.column() == uncontrolled {
			return c.result(NotApplicable) // the answer itself may tell: see unlikeControl
		}
		return c.passIf(len(c.X.Lured) == 0)
	},
	Show: func(c *Case, _ Result) Shown {
		line := firstLine(append([]byte(nil), c.X.Lured...))
		c.Options.redactRequestLine(line)
		start := c.X.Request.Start
		return seen(append([]Span{{InRequest, start.From, start.To}}, c.inRequest("Host")...), quote(line))
	},
	Probes: []Probe{
		{ID: "UPGRADE-TARGET-CANARY", Class: Either, Label: "Absolute target at a listener of Interlock", Want: "Any valid response; the server must not connect to the listener",
			Edit: Target(func(h *Handshake) string { return "http://" + h.Lure.Host + h.Lure.Path })},
		{ID: "UPGRADE-HOST-CANARY", Class: Either, Label: "Host at a listener of Interlock", Want: "Any valid response; the server must not connect to the listener",
			Edit: Edits(SetTo("Host", func(h *Handshake) string { return h.Lure.Host }), Target(lurePath))},
		{ID: "UPGRADE-CONNECT-CANARY", Class: Either, Risk: State, Label: "CONNECT to a listener of Interlock", Want: "Any response; the server must not connect to the listener",
			Edit: Edits(NoOffer(), Method("CONNECT"), Target(func(h *Handshake) string { return h.Lure.Host }),
				SetTo("Host", func(h *Handshake) string { return h.Lure.Host }), After(lureRequest))},
	},
})

// lurePath is the target of the handshake with the path of the lure in its query.
func lurePath(h *Handshake) string {
	mark := "?"
	if strings.Contains(h.Path, mark) {
		mark = "&"
	}
	return h.Path + mark + "lure=" + strings.TrimPrefix(h.Lure.Path, "/")
}

// lureRequest is a request to the lure, for a tunnel that leads there.
func lureRequest(h *Handshake) string {
	return "GET " + h.Lure.Path + " HTTP/1.1" + crlf + "Host: " + h.Lure.Host + crlf + crlf
}
