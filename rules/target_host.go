package rules

import (
	"strconv"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-TARGET-AUTHORITY-MISMATCH", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A client sends the host of an absolute request target in Host too",
	Problem: Problems{
		Switched: "Client sent a request target for %s with Host: %s",
		Refused:  "Client sent a request target for %s with Host: %s",
	},
	Label: "Target and Host differ",
	Refs: []Ref{
		{"9112", "3.2", "if the target has a host, the Host header is the same"},
		{"9112", "3.2.2", "a server that gets an absolute target ignores Host and uses the host of the target"},
	},
	Why: `One program on the path goes by Host, the next one by the target. Access rules are
applied to one name and the request is served for the other. Some servers even take an absolute
target for the address to forward an upgrade to, and fetch whatever it names for the client, also
from inside the network (CVE-2026-44578 in Next.js).`,
	Fix: `In a server, answer 400 or 421 to a target with a host that is not one of yours, before
	the request is routed, and never forward an upgrade to an address from the request.
In a client, send the host of the target in Host too.
Next.js: 15.5.16, 16.2.5 or later.
nginx, in front: proxy_pass sends a path in any case; close connections for unknown names with a
	default server that returns 444.
HAProxy, in front: http-request deny if { req.uri -m beg http:// https:// }`,
	When: func(c *Case) bool {
		host, differ := foreignAuthority(c)
		return differ && host != "" && (c.brings("UPGRADE-TARGET-AUTHORITY-MISMATCH") || !c.probed() && c.asks())
	},
	Judge: func(c *Case) Result {
		if !c.probed() {
			return tolerated(c)
		}
		return c.otherHost().by(Server)
	},
	Show: func(c *Case, _ Result) Shown {
		host, _ := foreignAuthority(c)
		at := append([]Span{{InRequest, c.X.Request.Start.From, c.X.Request.Start.To}}, c.inRequest("Host")...)
		switch {
		case !c.probed():
			return seen(at, quote(host), requestValues(c, "Host"))
		case c.X.Response.Status/100 == 5:
			return says("Server failed on a request target for %s: %s; the valid handshake got %s", at, quote(host), quoteStatusLine(c), validGot(c))
		}
		return says("Server answered a request target for %s as its own: %s; the valid handshake got %s", at, quote(host), quoteStatusLine(c), validGot(c))
	},
	Probes: []Probe{
		{ID: "UPGRADE-TARGET-OTHER-HOST", Class: Either, Label: "Absolute target, other host than in Host", Want: "400 or 421, or the same response as to the valid handshake",
			Edit: Target(func(h *Handshake) string { return h.Scheme + "://other.invalid" + h.Path })},
	},
})

// otherHost compares the answer to a probe whose target names another host with that to the valid
// handshake. What is judged otherwise, or not at all, does not apply.
func (c *Case) otherHost() Result {
	valid, got := c.validStatus(), c.status()
	if valid == 0 || got == 0 || isBusy(got) || isBusy(valid) || c.column() == unanswered {
		return c.result(NotApplicable)
	}
	switch same, answer := valid/100 == got/100, c.answer(); {
	case same:
		return c.result(Pass)
	case answer == answeredNormal && valid == 101: // perhaps the page of a default site
		return c.result(Warn)
	case answer == answeredNormal, answer == answeredSwitch:
		return c.result(Fail).rated(High)
	case answer == answeredError:
		return c.result(Warn)
	}
	return c.result(Pass)
}

// validStatus is the status of the answer to the valid handshakes around a probe: 0 if it is not
// known, or [wire.NoAnswer].
func (c *Case) validStatus() int {
	if c.X.Controls == wire.ControlsAccepted {
		return 101
	}
	return c.X.Control
}

// validGot says how the valid handshake was answered.
func validGot(c *Case) string {
	if valid := c.validStatus(); valid != wire.NoAnswer {
		return strconv.Itoa(valid)
	}
	return "no answer"
}

// foreignAuthority returns the host, with its port if there is one, of an absolute target. differ
// reports whether Host is there and names another one.
func foreignAuthority(c *Case) (host string, differ bool) {
	q := c.X.Request
	scheme, rest, absolute := strings.Cut(q.Target, "://")
	if !absolute || !isScheme(scheme) || q.Count("Host") != 1 {
		return "", false
	}
	host = rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host = rest[:i]
	}
	host = host[strings.LastIndexByte(host, '@')+1:] // without a user and password, which no report shows
	standard := ":80"
	if wire.EqualFold(scheme, "https") || wire.EqualFold(scheme, "wss") {
		standard = ":443"
	}
	named := string(first(&q.Head, "Host"))
	return host, !wire.EqualFold(strings.TrimSuffix(host, standard), strings.TrimSuffix(named, standard))
}

// isScheme reports whether a text is a scheme (RFC 3986 §3.1).
func isScheme(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return text != ""
}
