package rules

import (
	"bytes"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

const originField = "Origin"

var _ = register(Rule{
	ID: "UPGRADE-WS-ORIGIN-CROSS", Level: Should, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium, Worst: Critical}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server rejects WebSocket handshakes from pages of other sites",
	Problem: Problems{
		Switched: "Server accepted a handshake from another site (Origin: %s, Host: %s)",
		Refused:  "Client sent the Origin of another site (Origin: %s, Host: %s)",
	},
	Label: "Cross-site Origin accepted",
	Refs: []Ref{
		{"6455", "10.2", "a server for the pages of certain sites checks Origin and answers others with 403"},
		{"6455", "4.2.2", "a server that does not accept the origin rejects the handshake"},
	},
	Why: `The same-origin policy does not apply to WebSocket: any page that a user opens can
connect to any server, and the browser sends that server's cookies. If the server does not check
Origin, the page talks to it in the user's name and reads the responses (cross-site WebSocket
hijacking). Live traffic cannot decide this: an accepted foreign origin may be intended, so it is
reported as information only until a probe with an invented origin was accepted as well. That
probe is a warning by itself, since the service may be public: medium, and high if the service has
a loopback address as its name, because any page that its user opens reaches a development server
there. It is a failure if the configuration lists the intended origins, and a critical one if the
probe or a client of the endpoint sent a cookie or other credentials. Origins near the own one
(a sub-domain, another port, localhost) may be intended and weigh one step less.`,
	Fix: `Compare Origin, as a whole, with a list of the origins whose pages may connect;
	answer 403 to all others and to null. Requests without Origin do not come from a browser.
gorilla/websocket: leave CheckOrigin unset or compare in it. coder/websocket: list OriginPatterns.
	Socket.IO: cors.origin does not cover WebSocket; use allowRequest. ws: compare
	req.headers.origin in the upgrade event.
Python websockets: origins=[...]. Django Channels: AllowedHostsOriginValidator. Tornado: do not
	let check_origin return True. Spring: no setAllowedOrigins("*"). ASP.NET Core:
	WebSocketOptions.AllowedOrigins.
nginx, in front: proxy_set_header Host $http_host, not $host, which drops the port.
If other sites should connect, or a proxy drops the port, list the origins in Interlock's
	configuration (rules.public_origins).`,
	When: func(c *Case) bool {
		if !c.websocket || c.headCut || c.probed() && !strings.HasPrefix(c.X.Probe, "UPGRADE-WS-ORIGIN-") && !strings.HasPrefix(c.X.Probe, "UPGRADE-H2-ORIGIN-") {
			return false
		}
		if c.probe != nil && c.probe.Risk == Crash { // see UPGRADE-CRASH
			return false
		}
		n := c.X.Request.Count(originField)
		return n == 1 || n == 0 && c.leavesOutOrigin()
	},
	Judge: func(c *Case) Result {
		switch {
		case c.X.Request.Has(originField) && isOwnOrigin(c):
			return c.result(Pass)
		case c.probed():
			return judgeProbedOrigin(c)
		}
		res := RefuseSwitch(c)
		if res.answered = false; !c.switched {
			return res
		}
		if !acceptedCrossOrigin(c) || differsInPort(c) {
			return res.as(Warn).rated(Info)
		}
		return res.as(Warn).rated(reachOf(c))
	},
	Show: func(c *Case, _ Result) Shown {
		h, text := &c.X.Request.Head, ""
		at := c.inRequest(originField, hostField(h), "X-Forwarded-Host", "X-Forwarded-Proto", "Cookie", "Authorization")
		switch {
		case !c.switched:
		case c.leavesOutOrigin():
			return says("Server accepted a handshake without an Origin header, although rules.public_origins lists the origins", at)
		case c.probed():
			if c.probe != nil && !c.probe.ForeignOrigin() {
				text = "Server accepted a handshake with an origin other than its own (Origin: %s, Host: %s). If that is intended, list it in rules.public_origins"
			}
		default:
			switch text = "Server accepted Origin %s for Host %s"; {
			case differsInPort(c):
				text += ": the same host with another port. If a proxy removes the port, list the origin in rules.public_origins"
			case acceptedCrossOrigin(c):
				text += " and accepts made-up origins as well"
			default:
				text += "; this may be intended. Probe the endpoint to find out, or list the origin in rules.public_origins"
			}
		}
		return says(text, at, values(h, originField), values(h, hostField(h)))
	},
	Probes: originProbes(),
})

var _ = register(Rule{
	ID: "UPGRADE-WS-ORIGIN-MISSING", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client that is a browser sends Origin with its handshake, and a proxy passes it on unchanged",
	Problem: Problems{
		Switched: "Client sent a browser's handshake without an Origin header; the server accepted it",
		Refused:  "Client sent a browser's handshake without an Origin header",
	},
	Label: "Browser handshake without Origin",
	Refs: []Ref{
		{"6455", "4.1", "a browser sends Origin with the handshake; other clients may"},
		{"6455", "10.2", "a client that is not a browser may send any origin, so the header protects against pages of other sites and nothing else"},
	},
	Why: `Browsers always send Origin. If the request looks like a browser's and has none,
something on the path removed it; gateways are configured to, because the handshake then passes a
server that does not know the public name of its own site. The server takes the request for one of
a program, and its defence against foreign pages is gone for everyone. If only User-Agent and
cookies point to a browser, the client may be a program that imitates one; that is reported as
information only.`,
	Fix: `Forward Origin unchanged, and tell the server the public name of the site.
nginx, in front: remove proxy_set_header Origin.`,
	When: func(c *Case) bool { return c.websocket && !c.headCut && guessBrowser(c) != noBrowser },
	Judge: func(c *Case) Result {
		switch {
		case c.X.Request.Has(originField):
			return c.result(Pass)
		case guessBrowser(c) == maybeBrowser:
			return c.result(Warn).rated(Info)
		case c.switched:
			return c.result(Fail)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		at := c.inRequest("User-Agent", "Cookie")
		if guessBrowser(c) == maybeBrowser {
			return says("Client sent what looks like a browser's handshake without an Origin header", at)
		}
		return seen(append(at, fetchSpans(c)...))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-ORIGIN-DUP", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: High}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server rejects a WebSocket handshake with more than one Origin header",
	Problem: Problems{
		Switched: "Server accepted a handshake with several Origin headers: %s",
		Refused:  "Client sent several Origin headers: %s",
	},
	Label: "Duplicate Origin accepted",
	Refs: []Ref{
		{"6454", "7.3", "a request has at most one Origin header"},
		{"6455", "4.1", "a browser sends the origin of the page that opens the connection"},
	},
	Why: `The origin check reads one of the two, and an attacker only needs to be the other. A
gateway that adds its own Origin, to pass the check of the server, turns every handshake into one
with two; from then on the page's own origin decides nothing.`,
	Fix: `Reject a handshake with more than one Origin header with 400. In a gateway, forward
	the header unchanged.`,
	needs: needsOrigin,
	When:  func(c *Case) bool { return c.websocket && !c.headCut && c.X.Request.Count(originField) > 1 },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(originField), requestValues(c, originField))
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-ORIGIN-DUP", Class: Warn101, Label: "Two Origin headers, the own one first",
			Edit: func(h *Handshake) {
				own := siteOf(h)
				Set(originField, own.String())(h)
				Twice(originField, own.scheme+"://"+invented)(h)
			}},
		foreignOrigin2("DUP", "Two Origin headers in HTTP/2, the own one first", Edits(Extended(), FieldTo("origin", func(h *Handshake) string { return siteOf(h).String() }),
			in2(func(h *Handshake, _ *Streamed) { FieldAlso("origin", siteOf(h).scheme+"://"+invented)(h) }))),
	},
})

// isOwnOrigin reports whether the origin is that of the service, as far as the request shows its
// public name, or one that the configuration lists. A proxy that terminates TLS may not say so, so
// the scheme is open unless something states it.
func isOwnOrigin(c *Case) bool {
	h := &c.X.Request.Head
	text := first(h, originField)
	if slices.ContainsFunc(c.Options.Origins, func(o string) bool { return o == "*" || wire.EqualFold(o, text) }) {
		return true
	}
	scheme, authority, ok := bytes.Cut(text, []byte("://"))
	if !ok {
		return false
	}
	secure := wire.EqualFold(scheme, "https")
	switch left := outerScheme(c); {
	case !secure && !wire.EqualFold(scheme, "http"), left == cleartext && secure, left == overTLS && !secure:
		return false
	}
	return sameAuthority(authority, first(h, hostField(h)), secure) ||
		sameAuthority(authority, firstElement(h, "X-Forwarded-Host"), secure)
}

// differsInPort reports whether the origin has the host that a proxy forwarded and only the port
// differs: nginx drops the port with $host.
func differsInPort(c *Case) bool {
	h := &c.X.Request.Head
	_, authority, ok := bytes.Cut(first(h, originField), []byte("://"))
	if !ok || !c.forwarded() {
		return false
	}
	host, _ := splitPort(authority, false)
	for _, ours := range [...][]byte{first(h, hostField(h)), firstElement(h, "X-Forwarded-Host")} {
		if name, _ := splitPort(ours, false); len(name) > 0 && wire.EqualFold(name, host) {
			return true
		}
	}
	return false
}

// acceptedCrossOrigin reports whether the endpoint is known to accept an invented origin.
func acceptedCrossOrigin(c *Case) bool {
	return c.Seen.Crossed != nil && c.Seen.Crossed(c.X.Route, EndpointOf(c.X))
}

// sameAuthority reports whether two authorities have the same host and port, where a missing port
// is that of the scheme.
func sameAuthority(a, b []byte, secure bool) bool {
	hostA, portA := splitPort(a, secure)
	hostB, portB := splitPort(b, secure)
	return len(hostA) > 0 && wire.EqualFold(hostA, hostB) && bytes.Equal(portA, portB)
}

func splitPort(authority []byte, secure bool) (host, port []byte) {
	if i := bytes.LastIndexByte(authority, ':'); i > bytes.LastIndexByte(authority, ']') {
		return authority[:i], authority[i+1:]
	}
	if secure {
		return authority, []byte("443")
	}
	return authority, []byte("80")
}

// firstElement returns the first element of a list header: what the proxy nearest to the client
// wrote.
func firstElement(h *wire.Head, name string) []byte {
	for e := range h.Elements(name) {
		return h.Text(e)
	}
	return nil
}

// A carriage says how the request left the client, as far as that is known.
type carriage uint8

const (
	unknownCarriage carriage = iota // it arrived here in plain text; what happened before is unknown
	cleartext                       // an intermediary says that it got it in the clear
	overTLS
)

// outerScheme returns how the request left the client. What a proxy says takes precedence over what
// we see.
func outerScheme(c *Case) carriage {
	proto := firstElement(&c.X.Request.Head, "X-Forwarded-Proto")
	switch {
	case wire.EqualFold(proto, "https"), wire.EqualFold(proto, "wss"):
		return overTLS
	case wire.EqualFold(proto, "http"), wire.EqualFold(proto, "ws"):
		return cleartext
	case c.X.ClientTLS:
		return overTLS
	}
	return unknownCarriage
}
