package rules

import (
	"bytes"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-426-SELF", Level: Advice, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server does not answer a valid offer with a 426 that demands the same protocol",
	Problem: Problems{
		Refused: "Server answered with a 426 demanding %s, which the client had offered correctly",
	},
	Label: "426 for a valid offer",
	Refs: []Ref{
		{"9110", "15.5.22", "a 426 says that the server refuses the protocol in use, and might not after an upgrade to what it names"},
	},
	Why: `The client did what the 426 asks for and gets it again, so it gives up, or tries
forever. Usually the server never saw the offer, because a proxy removed it and forwarded the 426.
Or the server rejects for another reason, such as a missing login, and uses this status for
everything.`,
	Fix: `Look for a proxy that removes Upgrade, Connection or the Sec-WebSocket headers, and
	for a server that compares Connection as a whole and fails on Firefox's keep-alive, Upgrade.
	If the handshake is rejected for another reason, use the status for that reason: 400, 401,
	403.
nginx, in front: proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade and
	proxy_set_header Connection $connection_upgrade.
HTTP/2, in front: a gateway that forwards an extended CONNECT as an ordinary request gets this for every
	WebSocket. Let it make a handshake of it, or not offer extended CONNECT.`,
	HopByHop: true,
	needs:    needsOther,
	When: func(c *Case) bool {
		return c.status() == 426 && len(c.chosen) > 0 && len(c.offered) > 0 && !c.headCut
	},
	Judge: func(c *Case) Result {
		for i, m := range c.chosen {
			below := i > 0 && m.Is("HTTP") && c.chosen[i-1].Is("TLS") // RFC 2817 §4.2 prints TLS/1.0, HTTP/1.1
			if !below && !offeredCorrectly(c, m) {
				return c.result(Pass)
			}
		}
		return c.result(Fail)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(append(c.inRequest("Upgrade"), c.inResponse("Upgrade")...), members(c.chosen))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-426-BODY", Level: Should, Party: Server,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A server explains in the body of a 426 which protocol it requires",
	Problem: Problems{
		Refused: "Server sent a 426 with an empty body",
	},
	Label: "426 without explanation",
	Refs: []Ref{
		{"2817", "4.2", "a 426 has a body that tells people the reason, and what else they can do"},
	},
	Why: `Programs read the headers. People who open the address of a WebSocket endpoint in a
browser see an empty page and report it as broken.`,
	Fix:   `Add a line of text: what the endpoint speaks, and which client to use.`,
	needs: needsOther,
	When:  func(c *Case) bool { return c.status() == 426 && c.X.Request.Method != "HEAD" },
	Judge: func(c *Case) Result {
		switch c.X.Response.ResponseFraming(false, false).Kind {
		case wire.FramedNot:
			return c.result(NotApplicable)
		case wire.FramedEmpty:
			return oncePerRun(c, c.result(Warn))
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse("Content-Length"))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-426-PREMATURE", Level: Advice, Party: Client,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A client continues in HTTP/1 after a 426",
	Problem: Problems{
		Refused: "Client sent something other than HTTP/1 after a 426: %s",
	},
	Label: "Non-HTTP after 426",
	Refs: []Ref{
		{"2817", "4.2", "no TLS handshake starts directly after a 426; a client that wants to comply offers TLS in a new request"},
		{"9110", "15.5.22", "a 426 is a rejection; nothing has been switched"},
	},
	Why: `Someone takes the 426 for a switch, since it has Upgrade and Connection like a 101.
If it is the client, the server reads its bytes as a request. If it is a proxy, it has opened a
tunnel to a server that still answers requests, and everything a client writes into it bypasses
the proxy's rules: Varnish, and Envoy up to 1.8, did so after a WebSocket version that the server
rejects.`,
	Fix: `Decide by the status: only a 101 switches. A client that is told to come back with
	TLS sends a request with Upgrade: TLS/1.2, or opens a new connection.
Envoy: a release after 1.8. Varnish: return (pipe) only where the server is known to switch.`,
	HopByHop: true,
	needs:    needsOther,
	When:     func(c *Case) bool { return c.status() == 426 && clientWentOn(c) },
	Judge:    func(c *Case) Result { return c.passIf(!clientLeftHTTP(c)) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse("Upgrade"), quoteOpening(c, c.X.Next.Bytes))
	},
})

// offeredCorrectly reports whether the request offers what a 426 names, in a form that a server
// that speaks it can accept.
func offeredCorrectly(c *Case, m wire.Protocol) bool {
	q := c.X.Request
	same := func(o wire.Protocol) bool {
		return o.Valid && o.Is(m.Name) && (o.Version == m.Version || m.Version == "")
	}
	if !c.optionSent || !atLeast11(q.Version) || len(q.Flaws) > 0 || !slices.ContainsFunc(c.offered, same) {
		return false
	}
	switch {
	case m.Is("websocket"):
		return isValidHandshake(c) && string(first(&q.Head, versionField)) == "13" && !c.X.Response.Has(versionField)
	case m.Is("h2c"):
		return q.Count("HTTP2-Settings") == 1
	}
	return true
}

// clientWentOn reports whether the client sent more after it had the response.
func clientWentOn(c *Case) bool { return len(c.X.Next.Bytes) > 0 && c.X.EarlyBytes == 0 }

// clientLeftHTTP reports whether the client's next bytes are not an HTTP/1 request.
func clientLeftHTTP(c *Case) bool {
	return !c.X.Next.HTTP || bytes.HasPrefix(c.X.Next.Bytes, []byte("PRI "))
}
