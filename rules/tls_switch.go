package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-TLS-SWITCHED", Level: May, Party: Server,
	Severity: Severities{Refused: Info, Switched: High}, Since: "0.1",
	Title: "A server does not switch a connection to TLS through Upgrade",
	Problem: Problems{
		Switched: "Server switched on an offer of TLS (the 101 names %s)",
	},
	Label: "TLS upgrade accepted",
	Refs: []Ref{
		{"2817", "3.3", "a server that is ready for TLS answers 101 and continues with the TLS handshake"},
		{"9110", "7.8", "a server may ignore Upgrade"},
	},
	Why: `Anyone on the path can read and change the request before the upgrade, and can
inject one, so that client and server disagree on which response belongs to which request: in
Apache httpd this allowed an attacker to take over a session (CVE-2025-49812), and release 2.4.64
removed the feature. Almost no one needs it; only printers and CUPS remain. If the client is
directly in front of the server, a switch is a warning. If the request came through a proxy, that
proxy now carries TLS that none of its filters and logs can read, and the rule fails.`,
	Fix: `Ignore offers of TLS, and serve TLS on a port of its own.
Apache httpd: update to 2.4.64 or later; before that, do not use SSLEngine optional.
nginx, in front: forward Upgrade only where $http_upgrade is websocket (map).
CUPS: Encryption Required and a listener with SSLListen, if the clients can be configured for it.`,
	needs: needsTLS,
	When:  func(c *Case) bool { return c.X.Response != nil && c.towards("TLS") },
	Judge: func(c *Case) Result {
		switch {
		case !c.switched:
			return c.result(Pass)
		case c.forwarded():
			return c.result(Fail)
		}
		return c.result(Warn).rated(Medium)
	},
	Show: func(c *Case, _ Result) Shown {
		text, suffix := "Server switched on an offer of TLS", " (the 101 names %s)"
		at, what := append(c.inRequest("Upgrade", "Via", "Forwarded", "X-Forwarded-For"), c.inResponse("Upgrade")...), members(c.chosen)
		if len(c.chosen) == 0 {
			suffix, what = " (offered: %s) without naming a protocol", members(c.offered)
		}
		if c.forwarded() {
			text += " that came through a proxy"
		}
		return says(text+suffix, at, what)
	},
	Probes: []Probe{
		{ID: "UPGRADE-TLS-1.0", Class: Warn101, Label: "Upgrade: TLS/1.0", Edit: Offer("TLS/1.0")},
		{ID: "UPGRADE-TLS-1.2", Class: Warn101, Label: "Upgrade: TLS/1.2, HTTP/1.1",
			Edit: Offer("TLS/1.2, HTTP/1.1")},
		{ID: "UPGRADE-TLS-UNKNOWN", Class: Warn101, Label: "Upgrade: TLS with an unknown version",
			Edit: Offer("TLS/9.9")},
		{ID: "UPGRADE-TLS-OPTIONS", Class: Warn101, Label: "OPTIONS * with Upgrade: TLS/1.0",
			Edit: Edits(Offer("TLS/1.0"), Method("OPTIONS"), Target(Always("*")))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-TLS-STACK", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server that switches to TLS also names the protocol inside it",
	Problem: Problems{
		Switched: "Server switched to %s and named no protocol inside TLS",
	},
	Label: "101 to TLS lacks HTTP",
	Refs: []Ref{
		{"2817", "3.3", "the Upgrade header of the 101 lists the whole stack, such as TLS/1.0, HTTP/1.1"},
		{"9110", "7.8", "several protocols are listed from the lowest layer up"},
	},
	Why: `TLS alone carries nothing. The protocol inside it is left to guess, and a client
that offered more than one may guess differently from the server. A client that lists only
versions of TLS, as CUPS does, lists no layers and can only mean HTTP; there this is reported as
information only.`,
	Fix:   `Answer Upgrade: TLS/1.2, HTTP/1.1, with the version that was offered.`,
	needs: needsTLS,
	When:  func(c *Case) bool { return c.switched && hasProtocol(c.chosen, "TLS") && hasProtocol(c.offered, "TLS") },
	Judge: func(c *Case) Result {
		switch within := func(m wire.Protocol) bool { return !m.Is("TLS") }; {
		case within(c.chosen[len(c.chosen)-1]):
			return c.result(Pass)
		case len(c.offered) == 1 || slices.ContainsFunc(c.offered, within):
			return c.result(Fail)
		}
		return c.result(Warn).rated(Info)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse("Upgrade"), members(c.chosen))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-TLS-MANDATORY", Level: Must, Party: Client,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A client that needs TLS sends no credentials and no state-changing request in plain text together with the offer of TLS",
	Problem: Problems{
		Switched: "Client sent %s in plain text together with its offer of TLS (%s)",
		Refused:  "Client sent %s in plain text together with its offer of TLS (%s)",
	},
	Label: "Secrets sent with TLS offer",
	Refs: []Ref{
		{"2817", "3.2", "a client that cannot accept a response in plain text first switches to TLS with an OPTIONS request"},
		{"2817", "3.1", "a client may offer TLS with any request whose response may come in plain text"},
	},
	Why: `The offer does not protect the request that carries it: cookies, credentials and
form data are on the wire before the server can answer 101, and most servers never do. Whether the
client insists on TLS cannot be seen from outside, so this is information and not a failure:
Apache HttpClient has offered TLS/1.2 with ordinary plain-text requests since 5.4, whatever else
they carry.`,
	Fix: `Send credentials to https addresses only. A client that needs TLS on this connection
	sends OPTIONS * with the offer first.
Apache HttpClient: RequestConfig.custom().setProtocolUpgradeEnabled(false).`,
	needs: needsTLS,
	When:  func(c *Case) bool { return !c.X.ClientTLS && hasProtocol(c.offered, "TLS") },
	Judge: func(c *Case) Result {
		if cleartextSecret(c) == "" {
			return c.result(Pass)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		q, name := c.X.Request, cleartextSecret(c)
		switch name {
		case "method":
			at := append([]Span{{InRequest, q.Start.From, q.Start.From + len(q.Method)}}, c.inRequest("Upgrade")...)
			return seen(at, "a "+quote(q.Method)+" request", members(c.offered))
		case "Authorization":
			return seen(c.inRequest("Upgrade", name), "an Authorization header", members(c.offered))
		}
		return seen(c.inRequest("Upgrade", name), "a Cookie header", members(c.offered))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-TLS-IN-TLS", Level: Advice, Party: Client,
	Severity: Severities{Refused: Low, Switched: High}, Since: "0.1",
	Title: "A client does not offer TLS over TLS, and a server does not accept it there",
	Problem: Problems{
		Switched: "Server switched on an offer of TLS inside TLS (Upgrade: %s)",
		Refused:  "Client offered TLS on a connection that already uses TLS (Upgrade: %s)",
	},
	Label: "TLS offered inside TLS",
	Refs: []Ref{
		{"2817", "3.1", "TLS is offered with a request in plain text"},
		{"9110", "7.8", "a server may ignore Upgrade"},
	},
	Why: `The connection is encrypted already. A client that offers TLS again does not know
that something terminates TLS for it, or its offer is for a server beyond that point. If that
server switches, the tunnel bypasses everything that inspects traffic where TLS is terminated.`,
	Fix: `Ignore offers of TLS on TLS connections.
Where TLS is terminated, remove Upgrade unless it is websocket.`,
	needs: needsTLS,
	When:  func(c *Case) bool { return c.X.ClientTLS && c.towards("TLS") },
	Judge: func(c *Case) Result {
		res := RefuseSwitch(c)
		if res.Verdict == Pass && !c.probed() {
			return res.as(Warn)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade"), members(c.offered))
	},
})

// cleartextSecret returns the name of a header with credentials in the request, or method if its
// method changes state; empty if the request has neither.
func cleartextSecret(c *Case) string {
	q := c.X.Request
	for _, f := range q.Fields {
		for _, name := range [...]string{"Authorization", "Cookie"} {
			if wire.EqualFold(q.Text(f.Name), name) {
				return name
			}
		}
	}
	switch q.Method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "CONNECT":
		return ""
	}
	return "method"
}
