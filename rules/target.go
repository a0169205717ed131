package rules

import (
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-TARGET-FORM", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Medium}, Since: "0.1",
	Title: "A client sends a path or an http(s) URL without a fragment as request target, and a server rejects * and host:port",
	Problem: Problems{
		Switched: "Server accepted an upgrade request with the target %s (%s)",
		Refused:  "Client sent an upgrade request with the target %s (%s)",
	},
	Label: "Invalid request target accepted",
	Refs: []Ref{
		{"9112", "3.2", "the target is a path, an absolute URL, an authority with CONNECT, or * with OPTIONS; a fragment is not part of it"},
		{"6455", "4.1", "the target of a handshake is a path, or an absolute URL with the scheme http or https"},
	},
	Why: `Rules about who may open a WebSocket go by paths. A target that is not a path, such
as GET * or GET host:80, matches none of them in a proxy, and the server uses what it has for / or
some other path. ws:// or a # in a target shows a program that sends the address exactly as a page
has it; servers cut it in different places.`,
	Fix: `In a server, answer 400 to a target that is neither a path nor an absolute URL,
	before routing.
In a client, send the path and the query of the address, without the # and what follows it.
nginx, Tomcat, aiohttp and Tornado reject such targets; Node.js, Go, Python websockets and HAProxy
	do not.` + guard,
	When: func(c *Case) bool { return targetFault(c) != "" && c.asks() },
	Judge: func(c *Case) Result {
		switch c.X.Request.Target[0] {
		case '/':
			return tolerated(c) // the path before a fragment may well be served
		case '*':
			return RefuseSwitch(c)
		}
		if strings.Contains(c.X.Request.Target, "://") {
			return tolerated(c)
		}
		return RefuseSwitch(c)
	},
	Show: func(c *Case, _ Result) Shown {
		q := c.X.Request
		from := min(q.Start.From+len(q.Method), q.Start.To)
		if i := strings.Index(string(q.Raw[from:q.Start.To]), q.Target); i >= 0 {
			from += i
		}
		return seen([]Span{{InRequest, from, min(from+len(q.Target), q.Start.To)}}, quote(c.Options.shown(q.Target)), targetFault(c))
	},
	Probes: []Probe{
		{ID: "UPGRADE-TARGET-ASTERISK", Label: "Request target: GET *", Edit: Target(Always("*"))},
		{ID: "UPGRADE-TARGET-WS-SCHEME", Class: Either, Label: "Absolute target with ws:// or wss://",
			Edit: Target(func(h *Handshake) string { return webSocketScheme(h) + "://" + h.Host + h.Path })},
		{ID: "UPGRADE-TARGET-FRAGMENT", Class: Either, Label: "Request target with a #fragment",
			Edit: Target(func(h *Handshake) string { return h.Path + "#x" })},
		{ID: "UPGRADE-TARGET-AUTHORITY", Label: "Request target: GET host:port",
			Edit: Target(func(h *Handshake) string { return h.Host })},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-CONNECT", Level: Advice, Party: Client,
	Severity: Severities{Refused: Low, Switched: Critical}, Since: "0.1",
	Title: "A server does not answer CONNECT with a protocol switch",
	Problem: Problems{
		Switched: "Server answered a CONNECT request with a 101 (offered: %s)",
		Refused:  "Client offered %s in a CONNECT request",
	},
	Label: "CONNECT answered with 101",
	Refs: []Ref{
		{"2817", "5.2", "CONNECT asks for a tunnel to the authority that it names; the protocol inside is settled at its other end"},
		{"9110", "9.3.6", "a successful CONNECT gets a 2xx, and the tunnel starts after it"},
	},
	Why: `The request asks for two kinds of tunnel at once. After a 2xx the tunnel leads to
the authority in the target, after a 101 it ends at the server that answers, in another protocol.
A proxy that expects one and gets the other sends bytes to the wrong party.`,
	Fix:   `Ignore Upgrade in a CONNECT. A server that is not a proxy answers 405.`,
	needs: needsConnect,
	When:  func(c *Case) bool { return c.X.Request.Method == "CONNECT" && len(c.offered) > 0 },
	Show: func(c *Case, _ Result) Shown {
		q := c.X.Request
		at := []Span{{InRequest, q.Start.From, q.Start.From + len(q.Method)}}
		return seen(append(at, c.inRequest("Upgrade")...), members(c.offered))
	},
})

// targetFault returns what is wrong with the form of the target; it is empty if nothing is.
func targetFault(c *Case) string {
	q := c.X.Request
	if q.Target == "" || q.Version == "" || q.Method == "CONNECT" {
		return ""
	}
	scheme, _, absolute := strings.Cut(q.Target, "://")
	switch {
	case q.Target == "*":
		if q.Method != "OPTIONS" {
			return "* without OPTIONS"
		}
		return ""
	case q.Target[0] != '/' && !absolute:
		return "neither a path nor an absolute URL"
	case q.Target[0] != '/' && c.websocket && !wire.EqualFold(scheme, "http") && !wire.EqualFold(scheme, "https"):
		return "scheme is neither http nor https"
	case strings.Contains(q.Target, "#"):
		return "contains a fragment"
	}
	return ""
}

// webSocketScheme is the scheme of addresses of WebSockets (RFC 6455 §3) where a handshake goes to.
func webSocketScheme(h *Handshake) string {
	if h.Scheme == "https" {
		return "wss"
	}
	return "ws"
}
