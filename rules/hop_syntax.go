package rules

import (
	"strconv"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-HOP-SYNTAX", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A proxy answers 400 to a malformed upgrade request instead of forwarding it",
	Problem: Problems{
		Switched: "Proxy forwarded a malformed upgrade request: %s",
		Refused:  "Proxy forwarded a malformed upgrade request: %s",
	},
	Label: "Malformed request forwarded by proxy",
	Refs: []Ref{
		{"9112", "3.2", "a request with several Host headers gets 400"},
		{"9112", "5.1", "a request with white space before a colon gets 400"},
		{"9112", "5.2", "a folded header gets 400, or its line ends are replaced by spaces"},
		{"9112", "2.2", "a line ends with CR LF; a recipient may accept LF alone"},
		{"9110", "5.5", "a message with CR, LF or NUL in a header value is rejected, or these are replaced"},
	},
	Why: `Servers read such requests in different ways. What the proxy takes for a request without an
offer, or for another host, is a handshake for the server: rules of the proxy are passed, and the two
disagree on where the next request begins.`,
	Fix: `Answer 400 to what the grammar of HTTP does not allow, also with an Upgrade header.
HAProxy: do not set option accept-invalid-http-request, or accept-unsafe-violations-in-http-request.
Apache httpd: HttpProtocolOptions Strict, the default since 2.4.24.
Squid: relaxed_header_parser off.`,
	When: func(c *Case) bool {
		return (c.far() != nil || c.onlyClient() && c.X.Response != nil) && malformed(c.X.Sent())
	},
	Judge: func(c *Case) Result {
		v, s, _ := forwardedMalformed(c)
		return c.result(v).rated(s)
	},
	Show: func(c *Case, _ Result) Shown {
		_, _, what := forwardedMalformed(c)
		at := c.inRequest("Host", "Upgrade")
		if sent := c.X.Sent(); sent.Count("Host") > 1 && c.far().Request.Count("Host") == 1 {
			return says("Proxy chose one of several Host headers instead of rejecting the request: %s", at, what)
		}
		return seen(at, what)
	},
})

func malformed(q *wire.Request) bool {
	if q.Count("Host") > 1 {
		return true
	}
	for _, kind := range [...]wire.FlawKind{wire.FlawSpaceBeforeColon, wire.FlawControl, wire.FlawObsFold, wire.FlawBareLF} {
		if _, ok := q.Flaw(kind); ok {
			return true
		}
	}
	return false
}

// forwardedMalformed judges what a proxy made of a malformed request.
func forwardedMalformed(c *Case) (v Verdict, s Severity, what string) {
	if c.far() == nil {
		return Pass, High, ""
	}
	sent, q := c.X.Sent(), c.far().Request
	both := func(kind wire.FlawKind) bool {
		_, near := sent.Flaw(kind)
		_, far := q.Flaw(kind)
		return near && far
	}
	switch n := q.Count("Host"); {
	case both(wire.FlawSpaceBeforeColon):
		return Fail, High, "white space before a colon"
	case spaceRepaired(sent, q):
		return Fail, High, "white space before a colon, which it removed"
	case both(wire.FlawControl):
		return Fail, High, "a control character in a header"
	case sent.Count("Host") > 1 && n > 1:
		return Fail, High, strconv.Itoa(n) + " Host headers"
	case sent.Count("Host") > 1:
		return Fail, Medium, values(&q.Head, "Host")
	case both(wire.FlawObsFold):
		return Fail, Medium, "a header on several lines"
	case both(wire.FlawBareLF):
		return Warn, Medium, "lines that end in LF alone"
	}
	return Pass, High, ""
}

// spaceRepaired reports whether an Upgrade header with white space before its colon arrived as a valid
// one: of a header that no filter has recognized the proxy made an offer.
func spaceRepaired(sent, far *wire.Request) bool {
	f, ok := sent.Flaw(wire.FlawSpaceBeforeColon)
	if !ok || !far.Has("Upgrade") {
		return false
	}
	for _, field := range sent.Fields {
		if field.Name.To == f.Offset {
			return wire.EqualFold(sent.Text(field.Name), "Upgrade")
		}
	}
	return false
}
