package rules

import (
	"strconv"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-HOP-TUNNEL", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: High, Switched: Critical}, Since: "0.1",
	Title: "A proxy forwards a handshake and its response, and a tunnel until both sides have ended it",
	Problem: Problems{
		Switched: "Proxy forwarded a 101 and %s",
		Refused:  "Proxy changed the status of the response: %s",
	},
	Label: "Handshake or tunnel broken by proxy",
	Refs: []Ref{
		{"9110", "7.8", "after the 101 the connection carries the new protocol, whatever its bytes are"},
		{"9110", "3.7", "a proxy that relays a tunnel does not change its bytes"},
		{"9110", "9.3.6", "a tunnel is closed when either side has closed, after what is left has been sent"},
	},
	Why: `Clients see connections that hang, messages that are incomplete or another answer than the
server gave, and neither side has a log line about it. Where the end of one side is not passed on,
connections collect until the proxy or the server has no more. Bytes that get into the tunnel of
another client are that client's data in strange hands.`,
	Fix: `After a 101 copy bytes in both directions without reading them, and pass on each side's end:
	a FIN as a FIN, a reset as a reset. Close both connections when both directions have ended.
	Forward responses to rejected handshakes as any other response.
nginx: proxy_http_version 1.1, and the headers Upgrade and Connection by a map $http_upgrade
	$connection_upgrade.
HAProxy: timeout tunnel decides how long a silent tunnel stays; without it timeout client and
	timeout server do.`,
	When: func(c *Case) bool { return c.onlyClient() && c.far() != nil && c.X.Response != nil },
	Judge: func(c *Case) Result {
		switch dead := c.switched && c.farSwitched() && (c.saw(wire.SightNoTunnel) || c.saw(wire.SightOneWay)); {
		case dead && c.far().Response.HasOption("close"):
			return c.result(Warn).rated(Info) // the server may mean that it will close
		case dead && validHandshake(c):
			return c.result(Fail).rated(High)
		case dead:
			return c.result(Fail).rated(Medium)
		case statusChanged(c):
			return c.result(Warn).rated(Low)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, r Result) Shown {
		one, is := c.X.Hop.Saw(wire.SightOneWay)
		switch at := c.inResponse(); {
		case r.Verdict == Warn && r.Severity == Low:
			return says("Proxy changed the status of the response: %s", at, strconv.Itoa(c.far().Response.Status)+" to "+strconv.Itoa(c.status()))
		case is:
			return seen(at, "bytes pass "+readable(one.Detail)+" only")
		default:
			return seen(at, "no byte passes")
		}
	},
})

// statusChanged reports whether the client got another status than the server sent, where that is no
// 101.
func statusChanged(c *Case) bool {
	p := c.far().Response
	return p != nil && p.Status != 101 && p.Status != c.status()
}

// validHandshake reports whether a WebSocket handshake has all that is required, and no option against
// a tunnel.
func validHandshake(c *Case) bool {
	q := c.X.Sent()
	return c.websocket && c.optionSent && q.Method == "GET" && q.Has(keyField) && q.Has(versionField) && !q.HasOption("close")
}
