package rules

import (
	"bytes"
	"strings"
)

var _ = register(Rule{
	ID: "UPGRADE-HOST-MISSING", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "A server answers 400 to an HTTP/1.1 request without a Host header",
	Problem: Problems{
		Switched: "Server accepted an upgrade request without a Host header",
		Refused:  "Client sent an upgrade request without a Host header",
	},
	Label: "Missing Host accepted",
	Refs: []Ref{
		{"9112", "3.2", "a server answers 400 to an HTTP/1.1 request without a Host header"},
		{"6455", "4.2.1", "a handshake has a Host header"},
	},
	Why: `It is undefined whose endpoint this is. The server uses its default site, and a
proxy in front may have chosen another one or none; access rules by host do not apply, and the
comparison of Origin with Host, which keeps pages of other sites from opening a WebSocket, has
nothing to compare with. libwebsockets 2.4 did not check; of 78 servers tested, 39 switched.`,
	Fix: `Answer 400 before the request is routed. net/http of Go, Tomcat, nginx, Caddy and
	Apache do it by themselves; Node.js (also with requireHostHeader), Python websockets, aiohttp
	and HAProxy do not.
HAProxy: http-request deny deny_status 400 unless { req.fhdr(host) -m found }` + guard,
	When: func(c *Case) bool {
		q := c.X.Request
		return !c.headCut && atLeast11(q.Version) && !q.Has("Host") && c.asks()
	},
	Show: func(c *Case, _ Result) Shown {
		start := c.X.Request.Start
		return seen([]Span{{InRequest, start.From, start.To}})
	},
	Probes: []Probe{
		{ID: "UPGRADE-HOST-MISSING", Class: Refuse400, Label: "No Host header",
			Edit: Without("Host")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-HOST-DUP", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "A server answers 400 to a request with more than one Host header",
	Problem: Problems{
		Switched: "Server accepted an upgrade request with several Host headers: %s",
		Refused:  "Client sent several Host headers: %s",
	},
	Label: "Duplicate Host accepted",
	Refs: []Ref{
		{"9112", "3.2", "a server answers 400 to a request with more than one Host header"},
	},
	Why: `One side uses the first value, the other the last. The proxy applies the rules of
the public site and the server opens a tunnel at an internal one; after the 101 no one checks
again. If the values are the same, something on the path added a header that was already there. Of
78 servers tested, 55 switched.`,
	Fix: `Count the Host headers and answer 400 unless there is exactly one.
Node.js: req.headers keeps the first one only; look at req.rawHeaders.
gobwas/ws: ws.Upgrader parses the request itself and accepts two; use ws.HTTPUpgrader with
	net/http, which rejects them.` + guard,
	When: func(c *Case) bool { return c.X.Request.Count("Host") > 1 && c.asks() },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Host"), requestValues(c, "Host"))
	},
	Probes: []Probe{
		{ID: "UPGRADE-HOST-DUP", Class: Refuse400, Label: "Two different Host headers",
			Edit: Twice("Host", "evil.invalid")},
		{ID: "UPGRADE-HOST-DUP-SAME", Class: Refuse400, Label: "Same Host header twice",
			Edit: func(h *Handshake) { Twice("Host", h.Host)(h) }},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-HOST-INVALID", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: High}, Since: "0.1",
	Title: "A server answers 400 to a request whose Host header is not a host with an optional port",
	Problem: Problems{
		Switched: "Server accepted an upgrade request with an invalid Host header: %s",
		Refused:  "Client sent an invalid Host header: %s",
	},
	Label: "Invalid Host accepted",
	Refs: []Ref{
		{"9112", "3.2", "a server answers 400 to a request with an invalid Host header"},
		{"9110", "7.2", "the value is a host, optionally with a colon and a port"},
	},
	Why: `Every parser reads "a b", user@a and "a:80, b" differently: up to the space, after
the @, before the comma. One side routes to a, the other to b, and the 101 opens the tunnel at the
endpoint of the last one. WebSocket clients do not send such values.`,
	Fix: `Check Host against the grammar of a host and a port, and answer 400 otherwise;
	better, compare it with a list of your names: ALLOWED_HOSTS (Django), TrustedHostMiddleware
	(Starlette), server_name and a default server (nginx).
Go: net/http checks it, code that parses headers by hand does not.` + guard,
	When: func(c *Case) bool {
		h := &c.X.Request.Head
		return !isHost(first(h, "Host")) && h.Count("Host") == 1 && c.asks()
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Host"), requestValues(c, "Host"))
	},
	Probes: []Probe{
		{ID: "UPGRADE-HOST-INVALID", Class: Refuse400, Label: "Host with a space: a b",
			Edit: Set("Host", "a b")},
		{ID: "UPGRADE-HOST-USERINFO", Class: Refuse400, Label: "Host with user info: x@HOST",
			Edit: SetTo("Host", func(h *Handshake) string { return "x@" + h.Host })},
		{ID: "UPGRADE-HOST-LIST", Class: Refuse400, Label: "Host with two names: HOST, evil.invalid",
			Edit: SetTo("Host", func(h *Handshake) string { return h.Host + ", evil.invalid" })},
		{ID: "UPGRADE-HOST-MALFORMED", Class: Refuse400, Risk: Crash, Label: "Host with an unclosed bracket: [::1",
			Edit: Set("Host", "[::1")},
		{ID: "UPGRADE-HOST-SURROGATE", Class: Refuse400, Risk: Crash, Label: "Host with a lone surrogate",
			Edit: Set("Host", surrogate+".invalid")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-HOST-EMPTY", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A client sends a non-empty Host header with a WebSocket handshake",
	Problem: Problems{
		Switched: "Client sent an empty Host header; the server accepted the handshake",
		Refused:  "Client sent an empty Host header",
	},
	Label: "Empty Host header",
	Refs: []Ref{
		{"6455", "4.1", "the Host header of a handshake has the host, and the port if it is not the default"},
	},
	Why: `HTTP allows an empty Host if the address has none; the address of a WebSocket always
has one. Servers route such a handshake to a default site, and the comparison of Origin with Host
has nothing to compare with. The request was written by hand, or comes from a proxy whose variable
was empty.`,
	Fix: `Send the host of the address, and the port if it is not the default.
nginx, in front: proxy_set_header Host $host.`,
	When: func(c *Case) bool {
		h := &c.X.Request.Head
		return c.websocket && h.Count("Host") == 1 && len(first(h, "Host")) == 0
	},
	Judge: tolerated,
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Host"))
	},
	Probes: []Probe{
		{ID: "UPGRADE-HOST-EMPTY", Class: Either, Label: "Empty Host header", Want: "Any valid response; 400 is best",
			Edit: Set("Host", "")},
	},
})

// isHost reports whether a value is a host, perhaps with a colon and a port (RFC 9110 §7.2, RFC
// 3986 §3.2.2), or empty.
func isHost(b []byte) bool {
	host, port := b, []byte(nil)
	if i := bytes.LastIndexByte(b, ':'); i >= 0 && bytes.IndexByte(b[i:], ']') < 0 {
		host, port = b[:i], b[i+1:]
	}
	for _, c := range port {
		if c < '0' || c > '9' {
			return false
		}
	}
	literal := len(host) > 0 && host[0] == '['
	if literal {
		if len(host) < 3 || host[len(host)-1] != ']' {
			return false
		}
		host = host[1 : len(host)-1]
	}
	for _, c := range host {
		if !isHostByte(c) && !(literal && c == ':') {
			return false
		}
	}
	return true
}

// isHostByte reports whether a byte may appear in a host name: those that RFC 3986 reserves for
// nothing else, and the percent sign of an encoded one.
func isHostByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~!$&'()*+,;=%", c) >= 0
}
