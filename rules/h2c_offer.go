package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-H2C-OFFER", Level: Advice, Party: Intermediary,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A proxy does not forward an offer of h2c",
	Problem: Problems{
		Switched: "Proxy forwarded an offer of h2c, and the server switched (Upgrade: %s)",
		Refused:  "Proxy forwarded an offer of h2c (Upgrade: %s)",
	},
	Label: "Proxy forwards h2c",
	Refs: []Ref{
		{"9113", "3.1", "starting HTTP/2 through Upgrade: h2c is deprecated, and the token is marked as obsolete"},
		{"9110", "7.6.1", "a proxy removes hop-by-hop headers, Upgrade among them, unless it takes part in the upgrade itself"},
	},
	Why: `A client that offers h2c to its own server wastes a few bytes: Java's HttpClient
does it with its first plain-text request and continues in HTTP/1.1. An offer that got through a
proxy is different. That proxy copies Upgrade from the client, so anyone can offer h2c to the
servers behind it, and on the day one of them answers 101 (a new version, library or default), all
filters of the proxy are bypassed. nginx forwards any protocol if told to forward Upgrade and
considers that correct; HAProxy does it by default.`,
	Fix: `In a proxy, forward Upgrade only for the protocols that you want to allow.
nginx: map $http_upgrade to itself only where it is websocket, and to nothing otherwise; use the
	result in proxy_set_header Upgrade.
HAProxy: http-request del-header Upgrade unless { req.hdr(Upgrade) -i websocket }
Java HttpClient: HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1) sends no offer.`,
	needs: needsH2C,
	When:  func(c *Case) bool { return hasProtocol(c.offered, "h2c") },
	Judge: func(c *Case) Result {
		if !c.forwarded() {
			return c.result(Pass)
		}
		if c.switched && c.h2c {
			return c.result(Fail).rated(High)
		}
		return c.result(Warn).rated(High)
	},
	Show: func(c *Case, _ Result) Shown {
		at := c.inRequest("Upgrade", "Via", "Forwarded", "X-Forwarded-For")
		if c.switched && !c.h2c {
			return says(c.rule.Problem.Refused, at, members(c.offered))
		}
		return seen(at, members(c.offered))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2-TOKEN", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Critical}, Since: "0.1",
	Title: "A server ignores h2, h3, HTTP/2 and HTTP/3 in Upgrade, which cannot be reached that way",
	Problem: Problems{
		Switched: "Server switched on an offer of HTTP/2 or HTTP/3 (Upgrade: %s)",
		Refused:  "Client offered HTTP/2 or HTTP/3 in Upgrade, which cannot be reached that way: %s",
	},
	Label: "Upgrade to h2 or h3 accepted",
	Refs: []Ref{
		{"7540", "3.2", "a server ignores the token h2 in Upgrade: it means HTTP/2 over TLS, which is negotiated in the TLS handshake"},
		{"9113", "3.1", "h2 is a name for the TLS handshake; HTTP/2 can no longer be reached through Upgrade"},
		{"9114", "4.5", "HTTP/3 has neither Upgrade nor 101"},
		{"9110", "7.8", "Upgrade changes the protocol on top of a connection, never its transport, so it cannot lead to QUIC"},
	},
	Why: `h2 and h3 are names for the TLS handshake, and HTTP/3 does not run over TCP, so such
an offer says nothing that a server could act on. Filters against h2c smuggling look for h2c; a
server that treats h2 or HTTP/2.0 the same way switches past them. Servers that list h2 in the
Upgrade header of their responses, as Apache httpd does over TLS, make clients and proxies send it
back. An offer other than h2 that is ignored is information only.`,
	Fix: `Ignore these protocols in Upgrade, and answer in HTTP/1.1 if nothing else is offered.
In a client, negotiate h2 in the TLS handshake (ALPN), and learn of h3 from Alt-Svc or the DNS.
Apache httpd: Protocols http/1.1 stops the advertising; H2Upgrade off stops the switching.`,
	When: func(c *Case) bool { return slices.ContainsFunc(c.offered, isLaterHTTP) },
	Judge: func(c *Case) Result {
		towards := func(m wire.Protocol) bool { return isLaterHTTP(m) && c.towards(m.Name) }
		if c.switched && !slices.ContainsFunc(c.offered, towards) {
			return c.result(Pass)
		}
		res := RefuseSwitch(c)
		if !c.switched && res.Verdict == Warn && !hasProtocol(c.offered, "h2") {
			return res.rated(Info)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade"), members(c.offered))
	},
	Probes: []Probe{
		{ID: "UPGRADE-H2-TOKEN", Control: "h2c", Label: "Upgrade: h2 instead of h2c", Also: []string{"UPGRADE-UNKNOWN"},
			Edit: Edits(OfferH2C(), Set("Upgrade", "h2"))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2C-OVER-TLS", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: High}, Since: "0.1",
	Title: "A client does not offer h2c over TLS, and a server does not accept it there",
	Problem: Problems{
		Switched: "Server switched on an offer of h2c over TLS (Upgrade: %s)",
		Refused:  "Client offered h2c over TLS (Upgrade: %s)",
	},
	Label: "h2c over TLS",
	Refs: []Ref{
		{"7540", "3.3", "over TLS a client does not send the identifier h2c and a server does not select it: it is for connections without TLS"},
		{"9113", "3.2", "HTTP/2 over TLS is negotiated in the TLS handshake, as h2"},
	},
	Why: `A client that wants HTTP/2 over TLS negotiates it in the TLS handshake. No browser
or common library offers h2c there; smuggling tools such as h2csmuggler do, because the proxy that
terminates TLS may forward the offer in plain text. A server that switches leaves every proxy that
terminated TLS in front of it blind.`,
	Fix: `Ignore Upgrade: h2c on TLS connections, and remove the header where TLS is
	terminated.
Traefik: a release with pull request 13797 (August 2026) no longer forwards the offer; before
	that, remove the header with a headers middleware.`,
	needs: needsH2C,
	When:  func(c *Case) bool { return c.X.ClientTLS && c.h2c },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade"), members(c.offered))
	},
})

// isLaterHTTP reports whether a member of Upgrade names HTTP/2 or HTTP/3 in a way other than h2c.
func isLaterHTTP(m wire.Protocol) bool {
	return m.Is("h2") || m.Is("h3") || m.Is("HTTP") && m.Version != "" && '2' <= m.Version[0] && m.Version[0] <= '9'
}
