package rules

import (
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-101-CONN-CLOSE", Level: Advice, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A server does not send Connection: close with a 101",
	Problem: Problems{
		Switched: "Server sent a 101 that announces that the connection will close (Connection: %s)",
	},
	Label: "Connection: close in 101",
	Refs: []Ref{
		{"9112", "9.6", "the option close says that the connection ends with this message"},
		{"9110", "15.2.2", "after a 101 the connection continues in the other protocol"},
	},
	Why: `The response says both that the connection continues and that it ends. A proxy that
believes the second closes the tunnel as soon as it has forwarded the headers, or does not open
one: behind Skipper, WebSocket connections failed for this reason. Clients that look for upgrade
only do not notice, so the problem appears behind some gateways only. The cause is a server that
is told to close after each response and writes the option into every one.`,
	Fix: `Send only Connection: Upgrade in a 101. In middleware that sets Connection: close,
	skip responses with status 101.`,
	HopByHop: true,
	When:     func(c *Case) bool { return c.switched },
	Judge:    func(c *Case) Result { return c.passIf(!c.X.Response.HasOption("close")) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse("Connection"), responseValues(c, "Connection"))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-101-CL", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A server sends no Content-Length header with a 101",
	Problem: Problems{
		Switched: "Server sent Content-Length: %s with the 101",
	},
	Label: "Content-Length in 101",
	Refs: []Ref{
		{"9110", "8.6", "a server sends no Content-Length with a 1xx status"},
		{"9112", "6.3", "a 1xx response ends with its headers, whatever they say"},
	},
	Why: `The new protocol follows the headers, not a body. A proxy that believes the header
reads that many bytes of the tunnel as a body; with a length of 0 it may take the response for
complete and wait for the next one. .NET and nginx close such connections. libhv, Tornado, hyper,
Netty, Suave, Drogon, Cowboy and Envoy have all sent Content-Length: 0 with a 101, because their
usual way to write a response without a body adds it.`,
	Fix:   `Write the 101 without Content-Length, even if it is 0.`,
	When:  func(c *Case) bool { return c.switched },
	Judge: func(c *Case) Result { return c.passIf(!c.X.Response.Has("Content-Length")) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse("Content-Length"), responseValues(c, "Content-Length"))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-101-TE", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A server sends no Transfer-Encoding header with a 101",
	Problem: Problems{
		Switched: "Server sent Transfer-Encoding: %s with the 101",
	},
	Label: "Transfer-Encoding in 101",
	Refs: []Ref{
		{"9112", "6.1", "a server sends no Transfer-Encoding with a 1xx status"},
		{"9112", "6.3", "a 1xx response ends with its headers, whatever they say"},
	},
	Why: `A reader that believes the header reads the tunnel as chunks: the first bytes of a
frame become a chunk size, with unpredictable results. On a shared connection the rest of the
tunnel becomes responses to other users' requests. RxNetty has sent chunked with its 101, because
it made every response without a length chunked.`,
	Fix:   `Write the 101 without Transfer-Encoding; set it only on responses with a body.`,
	When:  func(c *Case) bool { return c.switched },
	Judge: func(c *Case) Result { return c.passIf(!c.X.Response.Has("Transfer-Encoding")) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse("Transfer-Encoding"), responseValues(c, "Transfer-Encoding"))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-101-HTTP10", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A server sends a 101 as HTTP/1.1, never as HTTP/1.0",
	Problem: Problems{
		Switched: "Server sent the 101 as HTTP/1.0: %s",
	},
	Label: "101 labelled HTTP/1.0",
	Refs: []Ref{
		{"9110", "15.2", "HTTP/1.0 has no 1xx status"},
		{"9112", "2.3", "a server sends the HTTP version whose rules its message follows"},
	},
	Why: `A recipient that goes by the version knows no 101 in HTTP/1.0 and takes this for a
response whose body lasts until the connection ends. WebSocket clients that check the version
close the connection, since the RFC describes an HTTP/1.1 response. Such status lines are written
by hand, in small servers and in examples.`,
	Fix:   `Write HTTP/1.1 101 Switching Protocols.`,
	When:  func(c *Case) bool { return c.switched },
	Judge: func(c *Case) Result { return c.passIf(!wire.EqualFold(c.X.Response.Version, "HTTP/1.0")) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(), quoteStatusLine(c))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-101-LATE", Level: Advice, Party: Server,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A server sends a 101 only while a request is waiting for its response",
	Problem: Problems{
		Switched: "Server sent a 101 while no request was waiting for a response",
	},
	Label: "101 with no request pending",
	Refs: []Ref{
		{"9110", "15", "a request gets interim responses and then exactly one final response"},
		{"9110", "7.8", "a 101 is the response to the offer of a request"},
	},
	Why: `The request has been answered, and no one waits for another response. A proxy that
shares its connections passes the 101 to the next request: that user's connection becomes a tunnel
that the server believes to have with someone else. This happens if a server rejects a handshake
in one place and continues with it in another, for example in an error handler that forgets to
return. Or a proxy answers the request itself, as it would a CONNECT, and then forwards the
server's 101: tinyproxy has done so.`,
	Fix: `Stop handling a request after its final response; close the connection if something
	was written after it.
In a proxy, close a connection to a server on which an unexpected response arrives.`,
	When: func(c *Case) bool { return c.switched },
	Judge: func(c *Case) Result {
		res := c.passIf(c.X.Outcome != wire.Late)
		if answeredTwice(c) {
			return res.by(Intermediary)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		switch p := c.X.Former; {
		case p == nil:
			return seen(c.inResponse())
		case answeredTwice(c):
			return says("Proxy answered the request with %s and then forwarded a 101 from the server", c.inResponse(), quote(p.Text(p.Start)))
		default:
			return says("Server sent a 101 after it had answered the request with %s", c.inResponse(), quote(p.Text(p.Start)))
		}
	},
})

// answeredTwice reports whether a late 101 is in place of the body of a 2xx response that says
// nothing about its body. No server writes that: a proxy took the request for a CONNECT, and
// forwarded the server's response after its own.
func answeredTwice(c *Case) bool {
	p := c.X.Former
	return p != nil && p.Status/100 == 2 && !p.Has("Content-Length") && !p.Has("Transfer-Encoding")
}

var _ = register(Rule{
	ID: "UPGRADE-101-HTTP2", Level: Advice, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A server never labels a 101 HTTP/2 or later, because a 101 exists in HTTP/1 only",
	Problem: Problems{
		Switched: "Server sent a 101 labelled HTTP/2 or later: %s",
	},
	Label: "101 labelled HTTP/2+",
	Refs: []Ref{
		{"9113", "8.6", "HTTP/2 has no 101; an extended CONNECT opens such connections there"},
	},
	Why: `The status line names a version in which this status does not exist, and which has
no status lines. Something translates between versions by rewriting text: nghttpx has forwarded
the 101 of an HTTP/1.1 backend to an HTTP/2 client. The recipient cannot tell whether a stream or
the connection was switched.`,
	Fix: `In a proxy that speaks HTTP/2 to clients, translate an extended CONNECT (RFC 8441)
	into an upgrade and its 101 into 200; answer 502 to a 101 for any other request.`,
	When:  func(c *Case) bool { return c.switched },
	Judge: func(c *Case) Result { return c.passIf(!labelledHTTP2(c.X.Response.Version)) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(), quoteStatusLine(c))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-101-LAYER-ORDER", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server that lists several protocols in a 101 lists TLS first, as the lowest layer",
	Problem: Problems{
		Switched: "Server listed TLS above another protocol in the 101 (Upgrade: %s)",
	},
	Label: "Wrong layer order in 101",
	Refs: []Ref{
		{"9110", "7.8", "if several layers are switched, Upgrade lists them from the lowest up"},
		{"2817", "3.3", "the response lists the whole stack, from TLS up to HTTP"},
	},
	Why: `TLS carries what follows it in the list. The other way round, the list says that TLS
is spoken inside HTTP or WebSocket: a client that goes by it sends a request in plain text where
the server waits for a TLS handshake.`,
	Fix:  `Write Upgrade: TLS/1.0, HTTP/1.1. Better, do not offer TLS through Upgrade at all.`,
	When: func(c *Case) bool { return c.switched && len(c.chosen) > 1 && hasProtocol(c.chosen, "TLS") },
	Judge: func(c *Case) Result {
		for i, m := range c.chosen[1:] {
			if m.Is("TLS") && !c.chosen[i].Is("TLS") { // TLS/1.2, TLS/1.1 is one layer in two versions
				return c.result(Fail)
			}
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse("Upgrade"), members(c.chosen))
	},
})

// quoteStatusLine quotes the status line of the response.
func quoteStatusLine(c *Case) string {
	p := c.X.Response
	return quote(p.Text(p.Start))
}
