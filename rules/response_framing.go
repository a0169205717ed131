package rules

import "github.com/interlock-proxy/interlock/wire"

var _ = register(Rule{
	ID: "UPGRADE-1XX-FRAMED", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A server sends no Content-Length or Transfer-Encoding with an interim response",
	Problem: Problems{
		Switched: "Server sent an interim response (%s) with %s before the 101",
		Refused:  "Server sent an interim response (%s) with %s",
	},
	Label: "Interim response with framing",
	Refs: []Ref{
		{"9110", "8.6", "a server sends no Content-Length with a 1xx status"},
		{"9112", "6.1", "a server sends no Transfer-Encoding with a 1xx status"},
		{"9112", "6.3", "a 1xx response ends with its headers, whatever they say"},
	},
	Why: `Node.js, Go and h11 ignore the header. A proxy that believes it reads the beginning of
the next response as a body: the 101 disappears, and the proxy continues in HTTP on a connection
that client and server have switched. A length of 0 only shows that the server treats the interim
response as a final one.`,
	Fix: `Write a 100 or 103 without Content-Length and Transfer-Encoding. In middleware that
	sets a length on every response, skip those with a 1xx status.`,
	needs: needsInterim,
	When:  func(c *Case) bool { return len(c.X.Interim) > 0 && c.asks() },
	Judge: func(c *Case) Result {
		return oncePerRun(c, c.passIf(framedInterim(c) == nil))
	},
	Show: func(c *Case, _ Result) Shown {
		p := framedInterim(c)
		name := "Content-Length"
		if p.Has("Transfer-Encoding") {
			name = "Transfer-Encoding"
		}
		return seen(nil, quote(p.Text(p.Start)), name+": "+values(&p.Head, name))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-RESP-HTTP10-CODING", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A server sends no Transfer-Encoding in an HTTP/1.0 response",
	Problem: Problems{
		Refused: "Server sent an HTTP/1.0 response with Transfer-Encoding: %s",
	},
	Label: "Transfer-Encoding in HTTP/1.0",
	Refs: []Ref{
		{"9112", "6.1", "HTTP/1.0 has no transfer codings; a client that gets a response with one treats its framing as faulty and closes the connection"},
	},
	Why: `Two clients disagree on where the response ends. Node.js, Python and curl read chunks;
Go ignores the header, takes the chunk sizes for content and reads until the connection closes. On
a connection that is kept open, what one of them takes for the next response is content for the
other.`,
	Fix: `Send chunks only as HTTP/1.1. To an HTTP/1.0 client, send Content-Length, or close the
	connection at the end.
In a proxy that turns HTTP/1.1 responses into HTTP/1.0, decode the chunks.`,
	needs: needsOther,
	When: func(c *Case) bool {
		return c.X.Response != nil && !c.switched && c.X.Response.Version == "HTTP/1.0" && c.asks()
	},
	Judge: func(c *Case) Result { return oncePerRun(c, c.passIf(!c.X.Response.Has("Transfer-Encoding"))) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse("Transfer-Encoding"), responseValues(c, "Transfer-Encoding"))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-101-DUP-LINE", Level: Advice, Party: Server,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A server writes Connection and Upgrade as one header each in a 101",
	Problem: Problems{
		Switched: "Server sent several %s headers with different values in the 101: %s",
	},
	Label: "Several Connection headers in 101",
	Refs: []Ref{
		{"9110", "5.3", "several lines of a list header mean the same as one line with all their values, in order"},
		{"6455", "4.2.2", "the 101 that accepts a handshake has one Upgrade header and one Connection header"},
	},
	Why: `Two lines mean the same as one list, and Node.js, Go, Python and Chromium read
Connection so. A client or proxy that looks at one line only finds keep-alive where upgrade is
expected, or the other way round. Two lines often come from two parties, a server and the proxy in
front of it. Two different Upgrade headers are more than that: no browser accepts them for
WebSocket (UPGRADE-WS-101-TOKEN).`,
	Fix: `Write Connection: Upgrade and Upgrade once each. In a proxy, replace the server's
	line; do not add to it.`,
	HopByHop: true,
	When: func(c *Case) bool {
		return c.switched && (c.X.Response.Count("Connection") > 1 || c.X.Response.Count("Upgrade") > 1)
	},
	Judge: func(c *Case) Result {
		if differingLines(&c.X.Response.Head) == "" {
			return c.result(Pass)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		name := differingLines(&c.X.Response.Head)
		return seen(c.inResponse(name), name, responseValues(c, name))
	},
})

// framedInterim returns the first interim response that says how long its body is; nil if there is
// none.
func framedInterim(c *Case) *wire.Response {
	for _, p := range c.X.Interim {
		if p.Has("Content-Length") || p.Has("Transfer-Encoding") {
			return p
		}
	}
	return nil
}

// differingLines returns Connection or Upgrade if the head has several lines of that name with
// different values; else it is empty.
func differingLines(h *wire.Head) string {
	for _, name := range [...]string{"Connection", "Upgrade"} {
		for v := range h.Values(name) {
			if !wire.EqualFold(h.Text(v), first(h, name)) {
				return name
			}
		}
	}
	return ""
}
