package rules

import (
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-UDP-REQUEST", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "A server rejects a malformed request for UDP or IP proxying",
	Problem: Problems{
		Switched: "Server accepted a malformed offer of %s: %s",
		Refused:  "Client sent a malformed offer of %s: %s",
	},
	Label: "Malformed connect-udp accepted",
	Refs: []Ref{
		{"9298", "3.2", "the request is a GET with one Host header, Connection: Upgrade and the protocol connect-udp; a recipient answers anything else with an error"},
		{"9484", "4.2", "the same holds for connect-ip"},
		{"9931", "7.1", "both are offered with GET and without a body only"},
	},
	Why: `A proxy that does not check this lets requests that look like something else open a
tunnel into its network: a form that a page posts, or an offer that another proxy forwarded by
mistake. With connect-udp and connect-ip the tunnel reaches whatever the proxy reaches.`,
	Fix: `Answer 400 unless the method is GET, there is exactly one Host header, Connection
	lists upgrade, and Upgrade lists no other protocol.`,
	HopByHop: true,
	needs:    needsMasque,
	When:     func(c *Case) bool { return !c.headCut && towardsMasque(c) },
	Judge: func(c *Case) Result {
		broken, literal := masqueFaults(c)
		switch {
		case len(broken) > 0:
			return RefuseSwitch(c)
		case literal != "": // by the letter of the RFC only, since these headers are lists
			return c.result(Warn).rated(Info)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		q := c.X.Request
		at := append([]Span{{InRequest, q.Start.From, q.Start.From + len(q.Method)}}, c.inRequest("Host", "Connection", "Upgrade")...)
		broken, literal := masqueFaults(c)
		if len(broken) == 0 {
			return says("Client sent an offer of %s in an unusual form: %s", at, members(c.offered), literal)
		}
		return seen(at, members(c.offered), strings.Join(broken, ", "))
	},
	Probes: []Probe{
		{ID: "UPGRADE-UDP-POST", Risk: State, Control: "masque", Label: "connect-udp with POST and Content-Length: 0", Also: []string{"UPGRADE-CAPSULE-FRAMING"},
			Edit: Edits(offerUDP, Method("POST"), Set("Content-Length", "0"))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-UDP-RESPONSE", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A server that accepts connect-udp or connect-ip names exactly that protocol in its 101",
	Problem: Problems{
		Switched: "Server sent an invalid 101 for UDP or IP proxying: %s",
	},
	Label: "Invalid connect-udp 101",
	Refs: []Ref{
		{"9298", "3.3", "the 101 has Connection: Upgrade and one Upgrade header with connect-udp; a client aborts otherwise"},
		{"9484", "4.3", "the same holds for connect-ip"},
	},
	Why: `The client must treat the attempt as failed and abort the connection, while the
proxy has already opened its socket. Another proxy that does not know which protocol was chosen
forwards capsules, or reads them as HTTP.`,
	Fix: `Answer 101 with Connection: Upgrade, Upgrade: connect-udp (or connect-ip) and
	Capsule-Protocol: ?1.`,
	HopByHop: true,
	needs:    needsMasque,
	When:     func(c *Case) bool { return c.switched && towardsMasque(c) },
	Judge:    func(c *Case) Result { return c.passIf(c.optionReturned && len(c.chosen) == 1 && isMasque(c.chosen[0])) },
	Show: func(c *Case, _ Result) Shown {
		what := "Upgrade: " + responseValues(c, "Upgrade")
		switch {
		case !c.X.Response.Has("Upgrade"):
			what = "no Upgrade header"
		case !c.optionReturned:
			what += " without Connection: Upgrade"
		}
		return seen(c.inResponse("Upgrade", "Connection"), what)
	},
	Probes: []Probe{
		{ID: "UPGRADE-UDP", Class: Either, Control: "masque", Label: "Valid connect-udp offer", Want: "Any valid response; a 101 must name connect-udp alone",
			Edit: offerUDP},
		{ID: "UPGRADE-IP", Class: Either, Control: "masque", Label: "Valid connect-ip offer", Want: "Any valid response; a 101 must name connect-ip alone",
			Edit: Edits(Offer("connect-ip"), Target(Always("/.well-known/masque/ip/192.0.2.6/17/")), Set(capsuleField, "?1"))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-UDP-EARLY", Level: Must, Party: Client,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A client sends no capsules before the 101 in HTTP/1.1",
	Problem: Problems{
		Switched: "Client sent %s before the 101",
		Refused:  "Client sent %s before the response",
	},
	Label: "Capsules before the 101",
	Refs: []Ref{
		{"9931", "6.3", "over HTTP/1.x a client does not send UDP packets before the response, as they may be read as requests"},
		{"9484", "11", "the same holds for connect-ip, and a gateway from HTTP/2 or HTTP/3 forwards no capsule before it has read the response"},
	},
	Why: `Whoever sends the packets chooses the bytes of a capsule: an application on the
client, or a page. If the proxy rejects the request, as it does for every address that is not
allowed, it reads the capsules as the next request, with the client's certificate or address as
credentials. That is request smuggling from inside the tunnel.`,
	Fix: `In a client, hold packets back until the 101 has been read; UDP allows a few packets
	to be lost.
In a gateway from HTTP/2 or HTTP/3, hold capsules back too.
In a proxy, close the connection when you reject a request after which bytes have already
	arrived.`,
	needs: needsMasque,
	When:  func(c *Case) bool { return c.X.Response != nil && offersMasque(c) },
	Judge: func(c *Case) Result {
		switch earlyKindOf(c) {
		case earlyPerhapsRequest, earlyPerhapsLine:
			return c.result(Unclear)
		case earlyBytes:
			if c.switched {
				return c.result(Fail)
			}
			return c.result(Warn)
		}
		return c.result(Pass) // other rules judge requests and empty lines
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(earlySpans(c, c.X.Early), earlyData(c))
	},
})

// isMasque reports whether a protocol tunnels packets by the capsules of RFC 9297.
func isMasque(m wire.Protocol) bool { return m.Is("connect-udp") || m.Is("connect-ip") }

// offersMasque reports whether the request offers such a protocol.
func offersMasque(c *Case) bool {
	return hasProtocol(c.offered, "connect-udp") || hasProtocol(c.offered, "connect-ip")
}

// masqueFaults returns what is wrong with the request, and what only the letter of the RFC forbids.
func masqueFaults(c *Case) (broken []string, literal string) {
	q := c.X.Request
	if q.Method != "GET" {
		broken = append(broken, "method "+quote(q.Method))
	}
	if n := q.Count("Host"); n != 1 {
		broken = append(broken, fmt.Sprintf("%d Host headers", n))
	}
	if !c.optionSent {
		broken = append(broken, "no Connection: Upgrade")
	}
	if options, _ := q.ConnectionOptions(); len(options) > 1 {
		literal = "Connection: " + values(&q.Head, "Connection")
	}
	if len(c.offered) > 1 {
		literal = "other protocols in Upgrade"
	}
	return broken, literal
}

// offerUDP makes the handshake a request for UDP proxying (RFC 9298 §3.2), to an address reserved
// for documentation.
func offerUDP(h *Handshake) {
	Edits(Offer("connect-udp"), Target(Always("/.well-known/masque/udp/192.0.2.6/443/")), Set(capsuleField, "?1"))(h)
}
