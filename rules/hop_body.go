package rules

import (
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-HOP-BODY", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A proxy forwards the body of an upgrade request once and with its length, or rejects the request",
	Problem: Problems{
		Switched: "Proxy forwarded an upgrade request with Content-Length and Transfer-Encoding",
		Refused:  "Proxy forwarded an upgrade request with Content-Length and Transfer-Encoding",
	},
	Label: "Body of an offer mishandled by proxy",
	Refs: []Ref{
		{"9112", "6.3", "Content-Length or Transfer-Encoding say where a request ends"},
		{"9112", "6.1", "a proxy that gets both in one request removes Content-Length, or rejects the request"},
		{"9110", "7.8", "the new protocol begins after the whole request"},
	},
	Why: `Proxies that take an upgrade request for one without a body forward the body as bytes of
their own: the server reads it as the next request, which no rule of the proxy has seen and which an
attacker writes (request smuggling). Where the length is forwarded and the body is not, the server
waits, and reads the next request on that connection as the body.`,
	Fix: `Frame the body of an upgrade request as that of any other request, and finish it before you
	use the 101; or answer 400 to an upgrade request with a body.`,
	When: func(c *Case) bool {
		sent := c.X.Sent()
		return c.far() != nil && !c.headCut && sent.Has("Upgrade") && announcesBody(sent)
	},
	Judge: func(c *Case) Result {
		switch q := c.far().Request; {
		case q.Has("Content-Length") && q.Has("Transfer-Encoding"):
			return c.result(Fail)
		case lengthWins(c.X.Sent(), q):
			return c.result(Fail).rated(High)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		at := c.inRequest("Content-Length", "Transfer-Encoding")
		if lengthWins(c.X.Sent(), c.far().Request) {
			return says("Proxy followed Content-Length in an upgrade request that has Transfer-Encoding too: %s", at, values(&c.far().Request.Head, "Content-Length"))
		}
		return seen(at)
	},
})

// lengthWins reports whether a request has both kinds of framing and the proxy has kept the length.
func lengthWins(sent, far *wire.Request) bool {
	length, ok := far.Value("Content-Length")
	return sent.Has("Content-Length") && sent.Has("Transfer-Encoding") && ok && !far.Has("Transfer-Encoding") && strings.Trim(length, "0") != ""
}
