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
		{"2817", "3.3", "a server that is ready for TLS says 101 and goes on with the TLS handshake"},
		{"9110", "7.8", "a server may ignore Upgrade"},
	},
	Why: `Whoever sits on the path reads and changes the request in front of the switch, and can make one, so that client and
server disagree about which response answers what: in Apache httpd this allowed a session to be taken over
(CVE-2025-49812), and release 2.4.64 removed the feature. Almost nobody needs it; printers and CUPS are what is left. A
switch for a client that stands directly before the server is a warning. Where the request came through an
intermediary, that one now carries TLS which none of its filters and logs can read, and the rule fails.`,
	Fix: `Ignore offers of TLS, and serve TLS on a port of its own.
Apache httpd: update to 2.4.64 or later; before it, do not use SSLEngine optional.
nginx, in front: pass Upgrade on only where $http_upgrade is websocket (map).
CUPS: Encryption Required and a listener with SSLListen, if the clients can be set to it.`,
	When: func(c *Case) bool { return c.X.Response != nil && c.towards("TLS") },
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
		text, named := "Server switched on an offer of TLS", " (the 101 names %s)"
		at, what := append(c.inRequest("Upgrade", "Via", "Forwarded", "X-Forwarded-For"), c.inResponse("Upgrade")...), members(c.chosen)
		if len(c.chosen) == 0 {
			named, what = " (offered: %s) without naming a protocol", members(c.offered)
		}
		if c.forwarded() {
			text += " that came through a proxy"
		}
		return says(text+named, at, what)
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
		{"2817", "3.3", "the Upgrade field of the 101 lists the whole stack that is switched to, such as TLS/1.0, HTTP/1.1"},
		{"9110", "7.8", "several protocols are listed from the lowest layer up"},
	},
	Why: `TLS alone carries nothing. What is spoken within it is left to be guessed, and a client that offered more than one
protocol may guess otherwise than the server. A client that lists versions of TLS and nothing else, as CUPS does, lists no
layers and can only mean HTTP within it; there this is a note.`,
	Fix:  `Answer Upgrade: TLS/1.2, HTTP/1.1, with the version that was offered.`,
	When: func(c *Case) bool { return c.switched && hasProtocol(c.chosen, "TLS") && hasProtocol(c.offered, "TLS") },
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
		{"2817", "3.2", "a client to which an answer in the clear is not acceptable first switches to TLS with an OPTIONS request"},
		{"2817", "3.1", "a client may offer TLS with any request whose answer may come in the clear"},
	},
	Why: `The offer does not protect the request that carries it: cookies, credentials and form data are on the wire before
the server can say 101, and most servers never say it. Whether the client insists on TLS cannot be seen from outside,
so this is a fact and no fault: Apache HttpClient offers TLS/1.2 with ordinary cleartext requests since 5.4, whatever
else they carry.`,
	Fix: `Send credentials to https addresses only; who needs TLS on this connection sends OPTIONS * with the offer first.
Apache HttpClient: RequestConfig.custom().setProtocolUpgradeEnabled(false).`,
	When: func(c *Case) bool { return !c.X.ClientTLS && hasProtocol(c.offered, "TLS") },
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
		{"2817", "3.1", "TLS is offered with a request in the clear"},
		{"9110", "7.8", "a server may ignore Upgrade"},
	},
	Why: `The connection is encrypted already. A client that offers TLS again does not know that somebody ends TLS for it;
or it means somebody further back, past the one that does. If that one switches, the tunnel ends behind all that looks
into the traffic where TLS ends.`,
	Fix: `Ignore offers of TLS on TLS connections.
Where TLS ends, take Upgrade off unless it is websocket.`,
	When: func(c *Case) bool { return c.X.ClientTLS && c.towards("TLS") },
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

// cleartextSecret is the name of a field with credentials in the request, or method if that is one that changes
// something; empty if the request has neither.
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
