package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-REJECT-KEEPALIVE", Level: Advice, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server answers no request that was sent together with a WebSocket handshake that it rejects",
	Problem: Problems{
		Refused: "Server rejected the handshake (%s) and then answered a request that had been sent together with it",
	},
	Label: "Request after refusal answered",
	Refs: []Ref{
		{"9931", "5", "a connection stays usable after a rejected upgrade, and closing it is normally the wrong answer"},
		{"9931", "4.1", "bytes that a client sends before the response may be read as a request of its own"},
		{"6455", "4.1", "a client that has sent its handshake waits for the response before it sends anything more"},
	},
	Why: `A rejection leaves the connection in HTTP, and a client that waited for it may send
its next request there. But a proxy that opens its tunnel when it sees the offer, not when it sees
the 101, takes the bytes after the handshake for frames and does not inspect them: the server
rejects the handshake, keeps the connection and answers the request that was hidden there. Kemal
answered such requests after a 403.`,
	Fix: `Keep the connection after an ordinary rejection. Close it if bytes have already
	arrived after the handshake: they are frames or a hidden request, and neither is to be
	answered.
In a proxy, open the tunnel when the 101 arrives, and forward nothing before that.
Kemal: use a release that closes the connection after a rejected upgrade.`,
	needs: needsOther,
	When: func(c *Case) bool {
		return c.websocket && c.X.Outcome == wire.Refused && c.X.Final && len(c.X.Next.Bytes) > 0 && !clientLeftHTTP(c)
	},
	Judge: func(c *Case) Result {
		switch {
		case !c.X.Next.Answered, c.X.Response.HasOption("close"):
			return c.result(Pass)
		case c.probed(): // no proxy in between
			return c.result(Warn)
		case c.X.EarlyBytes > 0:
			return c.result(Fail).rated(High)
		}
		return c.result(Pass) // the client waited
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse("Connection"), quoteStatusLine(c))
	},
	Probes: []Probe{
		{ID: "UPGRADE-SEQ-REFUSED-PIPELINE", Class: Sequence, Label: "Version 99, followed by a second request", Want: "426 listing supported versions, Connection: close, second request not answered",
			Edit: Edits(Set(versionField, "99"), Early(again))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-TUNNEL-AFTER-REFUSAL", Level: Advice, Party: Client,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A client continues in HTTP after the server did not switch",
	Problem: Problems{
		Refused: "Client sent non-HTTP data after the response %s: %s",
	},
	Label: "Non-HTTP after refusal",
	Refs: []Ref{
		{"9110", "7.8", "only a 101 switches protocols; after any other response the connection continues in HTTP"},
		{"9931", "4.1", "a server that has rejected the upgrade reads what follows as HTTP/1.1, so data of the new protocol may become a request"},
	},
	Why: `The client, or a proxy in front of it, believes that the connection was switched,
and the response says that it was not. Unless a 101 arrives late (UPGRADE-101-LATE), the server
reads frames as requests, and whatever is written into the supposed tunnel bypasses everyone who
believes that there is one. The Kubernetes API server left such a connection open after a
rejection and so gave its own privileges to the client (CVE-2018-1002105); Cloudflare Pingora
before 0.8 forwarded bytes as soon as it saw the offer (CVE-2026-2833).`,
	Fix: `Open a tunnel only for a 101. After any other status, continue in HTTP or close both
	sides.
Kubernetes: 1.10.11, 1.11.5, 1.12.3 or later. Pingora: 0.8 or later.`,
	HopByHop: true,
	needs:    needsOther,
	When: func(c *Case) bool {
		return len(c.offered) > 0 && c.X.Response != nil && !c.switched && c.status() != 426 && clientWentOn(c)
	},
	Judge: func(c *Case) Result {
		switch {
		case !clientLeftHTTP(c):
			return c.result(Pass)
		case leavesHTTP(c.X.Next.Bytes):
			return c.result(Fail)
		}
		return c.result(Unclear)
	},
	Show: func(c *Case, r Result) Shown {
		opening := quoteOpening(c, c.X.Next.Bytes)
		if r.Verdict == Unclear {
			return says("Client sent data that is not HTTP/1 after the response %s: %s", c.inResponse(), quoteStatusLine(c), opening)
		}
		return seen(c.inResponse(), quoteStatusLine(c), opening)
	},
})

// leavesHTTP reports whether bytes start like a protocol that a connection is switched to: a
// WebSocket frame (text, binary, close, ping or pong, unfragmented), a TLS record, the HTTP/2
// preface.
func leavesHTTP(b []byte) bool {
	switch b[0] {
	case 0x81, 0x82, 0x88, 0x89, 0x8a, 0x16:
		return true
	}
	return bytes.HasPrefix(b, []byte("PRI "))
}
