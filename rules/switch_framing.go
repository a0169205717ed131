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
		{"9110", "15.2.2", "behind a 101 the connection goes on in the other protocol"},
	},
	Why: `The response says both: it goes on, and it ends here. An intermediary that believes the second closes the tunnel
as soon as it has passed the head on, or does not open one: behind Skipper, WebSocket connections broke for that reason.
Clients that look for the option upgrade alone do not notice, so the fault shows only behind some gateways. It comes
from servers that are told to close after each response and write the option into every head.`,
	Fix:      `Send Connection: Upgrade and nothing else in a 101. In middleware that sets Connection: close, leave a 101 alone.`,
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
		{"9112", "6.3", "a 1xx response ends with its head, whatever its fields say"},
	},
	Why: `What follows the head is the new protocol, not content. An intermediary that believes the field reads that many
bytes of the tunnel as a body, and with a length of 0 it may take the response for a whole one and wait for the next.
.NET and nginx drop such connections. libhv, Tornado, hyper, Netty, Suave, Drogon, Cowboy and Envoy have all sent
Content-Length: 0 with a 101: their common way of writing a response without content does it.`,
	Fix:   `Write the 101 without Content-Length, also not 0.`,
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
		{"9112", "6.3", "a 1xx response ends with its head, whatever its fields say"},
	},
	Why: `Who believes the field reads the tunnel as chunks: the first bytes of a frame are then a chunk size, and what it
makes of them nobody can foresee. On a connection that others share, the rest of the tunnel becomes responses to their
requests. RxNetty has sent chunked with its 101, because every response without a length was chunked.`,
	Fix:   `Write the 101 without Transfer-Encoding; set it only where there is content.`,
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
		{"9110", "15.2", "HTTP/1.0 knows no 1xx status"},
		{"9112", "2.3", "a server sends the version of HTTP whose rules its message follows"},
	},
	Why: `A recipient that goes by the version knows no 101 in HTTP/1.0: to it this is the head of a response whose content
lasts until the connection ends. WebSocket clients that check the version, and the RFC describes the answer as one of
HTTP/1.1, drop the connection. Such status lines are written by hand, in small servers and in examples.`,
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
		{"9110", "15", "a request gets interim responses and then exactly one final one"},
		{"9110", "7.8", "a 101 is the answer to the offer of a request"},
	},
	Why: `The request has been answered, and nobody waits for another response. An intermediary that shares its connections
gives the 101 to whoever asks next: that user's connection becomes a tunnel that the server believes to have with
somebody else. It happens where a server refuses a handshake in one place and goes on with it in another, an error
handler that forgets to return for example. Or a proxy answers the request itself, as it would a CONNECT, and then passes
the server's 101 on: tinyproxy has done so.`,
	Fix: `End the handling of a request with its final response; close the connection if something was written behind it.
Intermediaries: close a connection to a server on which something arrives that nobody has asked for.`,
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

// answeredTwice reports whether a late 101 stands where the content of a response belongs that says 2xx and nothing about its
// content. No server writes that: a proxy took the request for a CONNECT, and passed the server's answer on behind its own.
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
		{"9113", "8.6", "HTTP/2 has taken the 101 out; connections within it are opened by an extended CONNECT"},
	},
	Why: `The status line names a version in which this status does not exist, and which has no status lines. Somebody
translates between versions by rewriting text: nghttpx has passed the 101 of an HTTP/1.1 backend on to a client that
spoke HTTP/2. The recipient cannot say whether a stream or the connection was switched.`,
	Fix: `Intermediaries that speak HTTP/2 in front: translate an extended CONNECT (RFC 8441) into an upgrade and its 101 into
	200; answer 502 to a 101 that belongs to no such request.`,
	When: func(c *Case) bool { return c.switched },
	Judge: func(c *Case) Result {
		const name = "HTTP/"
		v := c.X.Response.Version
		return c.passIf(len(v) <= len(name) || !wire.EqualFold(v[:len(name)], name) || v[len(name)] < '2' || v[len(name)] > '9')
	},
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
		{"9110", "7.8", "where several layers are switched, Upgrade lists them in ascending order"},
		{"2817", "3.3", "the answer lists the whole stack, from TLS up to HTTP"},
	},
	Why: `TLS carries what stands behind it in the list. The other way round the list says that TLS is spoken inside HTTP or
WebSocket: a client that goes by it sends a request in the clear where the server waits for a TLS handshake.`,
	Fix:  `Write Upgrade: TLS/1.0, HTTP/1.1; better, do not offer TLS by way of Upgrade at all.`,
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
