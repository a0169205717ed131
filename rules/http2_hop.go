package rules

import (
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-H2-RETRY", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A proxy resets a stream with REFUSED_STREAM only if the server has not got the request",
	Problem: Problems{
		Refused:  "Proxy reset the stream with REFUSED_STREAM although the server has got the request: %s",
		Switched: "Proxy reset the stream with REFUSED_STREAM although the server has got the request: %s",
	},
	Label: "REFUSED_STREAM for a forwarded request",
	Refs: []Ref{
		{"9113", "8.7", "REFUSED_STREAM says that nothing of the request was processed, so that it can be sent again"},
	},
	Why: `Clients repeat the request by themselves, and what it causes at the server happens twice:
a session, a charge, a message.`,
	Fix: `Once the request was sent to the server, answer 502, or reset the stream with
	INTERNAL_ERROR or CANCEL.`,
	When: func(c *Case) bool {
		s := c.X.Stream
		return s != nil && s.Server.End == wire.StreamReset && s.Server.Code == codeRefused
	},
	Judge: func(c *Case) Result { return c.passIf(c.far() == nil) },
	Show:  func(c *Case, _ Result) Shown { return seen(c.inRequest(":method", ":path"), farAnswer(c.far())) },
})

var _ = register(Rule{
	ID: "UPGRADE-H2-ACCESS", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A proxy applies its rules for paths and logins to an extended CONNECT as to a GET, and to HTTP/2 as to HTTP/1.1",
	Problem: Problems{
		Refused:  "Proxy forwarded in HTTP/2 what it rejects as a GET in HTTP/1.1: %s",
		Switched: "Proxy opened a tunnel in HTTP/2 to what it rejects as a GET in HTTP/1.1: %s",
	},
	Label: "Access rule bypassed in HTTP/2",
	Refs: []Ref{
		{"8441", "5", "the request is authenticated like one of HTTP/1.1"},
		{"9110", "15.5.4", "a request that is forbidden is refused, whatever its method"},
	},
	Why: `Access rules and logins are often written for GET and POST, or belong to a listener of
HTTP/1.1. Then an extended CONNECT, or any request in HTTP/2, reaches what they protect, and the
server trusts the proxy to have checked it.`,
	Fix: `Attach the rule to the path, for all methods and all versions: not to a list of methods,
	and not to one listener.`,
	When: func(c *Case) bool {
		return c.onlyClient() && strings.HasPrefix(c.X.Probe, "CHAIN-H2-DENIED-") && c.X.Request.HTTP2() // what was sent is rejected in HTTP/1.1
	},
	Judge: func(c *Case) Result { return c.passIf(c.far() == nil) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(":method", ":path", ":protocol"), requestInHTTP2(c))
	},
})

// requestInHTTP2 says what a client asked for: the method, the protocol of an extended CONNECT and the path.
func requestInHTTP2(c *Case) string {
	h := &c.X.Request.Head
	text := readable(string(first(h, ":method")))
	if protocol := first(h, ":protocol"); protocol != nil {
		text += " (:protocol " + readable(string(protocol)) + ")"
	}
	path := first(h, ":path")
	if i := strings.IndexByte(string(path), '?'); i >= 0 {
		path = path[:i]
	}
	return text + " " + readable(string(path))
}
