package rules

import (
	"cmp"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-WS-KEY-REUSED", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A client uses a new random Sec-WebSocket-Key for each connection",
	Problem: Problems{
		Switched: "Client reused a Sec-WebSocket-Key on another connection: %s",
		Refused:  "Client reused a Sec-WebSocket-Key on another connection: %s",
	},
	Label: "Sec-WebSocket-Key reused",
	Refs: []Ref{
		{"6455", "4.1", "the key is chosen at random for each connection"},
	},
	Why: `The response to a handshake can be computed from the key alone. A client that sends
the same key again accepts a 101 that was recorded the last time, from a cache or from someone on
the path who never talked to the server. Clients copied from a tutorial do this, and monitoring
checks with a fixed curl command; such a check would not notice a replayed response. A server
cannot know and is not at fault. The two keys printed in RFC 6455 pass, and so does a key that is
sent again on the same connection, for example after a 401.`,
	Fix: `Generate 16 bytes with a good random source for each handshake, also when you
	reconnect.`,
	When: func(c *Case) bool {
		if !c.websocket || c.headCut || c.Seen.KeySeen == nil || c.X.Origin == wire.OriginReplay {
			return false
		}
		key := first(&c.X.Request.Head, keyField)
		return keyShaped(key) && c.Seen.KeySeen(string(key), connectionOf(c))
	},
	Judge: func(c *Case) Result {
		switch {
		case sampleKey(first(&c.X.Request.Head, keyField)):
			return c.result(Pass)
		case c.switched:
			return c.result(Fail)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(keyField), requestValues(c, keyField))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-KEY-STRAY", Level: Advice, Party: Intermediary,
	Severity: Severities{Refused: Info, Switched: Critical}, Since: "0.1",
	Title: "A server ignores Sec-WebSocket headers in a request that offers no protocol, and a proxy does not forward them without Upgrade",
	Problem: Problems{
		Switched: "Server started a WebSocket although the request offers no protocol",
		Refused:  "Client or proxy sent Sec-WebSocket headers without an Upgrade header",
	},
	Label: "WebSocket headers, no Upgrade",
	Refs: []Ref{
		{"9110", "7.6.1", "a proxy removes hop-by-hop headers such as Upgrade; the Sec-WebSocket headers are end-to-end"},
		{"6455", "4.2.1", "a handshake has an Upgrade header that lists websocket"},
	},
	Why: `A proxy that does not support upgrades removes Connection and Upgrade and forwards
the key; what arrives is an ordinary request with unusual headers. A server that goes by these
headers switches while the proxy keeps reading HTTP: frames become responses and, on a shared
connection, responses to other users. If the server does not switch, this is still the trace of a
lost handshake: behind Spring Cloud Gateway clients got a 400 that no one could explain.`,
	Fix: `In the server, let the Upgrade header decide, and look at the Sec-WebSocket headers
	only after it.
nginx, in front: proxy_set_header Upgrade $http_upgrade and Connection $connection_upgrade (see
	UPGRADE-MISSING-CONN) in the location that carries WebSocket.` + guard,
	When: func(c *Case) bool {
		q := c.X.Request
		return len(c.offered) == 0 && !c.headCut && (q.Has(keyField) || q.Has(versionField))
	},
	Judge: func(c *Case) Result {
		res := RefuseSwitch(c)
		if res.Verdict == Pass && !c.probed() {
			return res.as(Warn)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		p := c.rule.Problem
		if c.forwarded() {
			p.Refused = "Proxy passed on Sec-WebSocket headers without an Upgrade header"
		}
		if c.X.Request.Has("Upgrade") {
			p.Switched = "Server started a WebSocket although the Upgrade header is empty"
			p.Refused = strings.Replace(p.Refused, "without an", "with an empty", 1)
		}
		return varies(p, c.inRequest(keyField, versionField, "Upgrade"))
	},
})

// connectionOf identifies the connection of the exchange: by its ends or, if these are unknown, by
// the exchange itself.
func connectionOf(c *Case) string {
	if c.X.Client == "" {
		return cmp.Or(c.X.Connection, c.X.ID)
	}
	return c.X.Client + " " + c.X.Backend
}
