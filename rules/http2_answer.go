package rules

import (
	"slices"
	"strconv"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-H2-101", Level: Must, Party: Server,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server sends no 101 in HTTP/2",
	Problem: Problems{
		Switched: "Server sent a 101 in HTTP/2, in answer to %s",
	},
	Label: "101 in HTTP/2",
	Refs: []Ref{
		{"9113", "8.6", "HTTP/2 does not have the 101 status"},
		{"8441", "5", "a tunnel over HTTP/2 is opened by a 2xx to an extended CONNECT"},
	},
	Why: `The server has taken up an upgrade of HTTP/1.1 inside a stream. What it writes next
may go into the connection outside any frame, and then all streams of the connection are lost, those
of other users too. Where a gateway has copied an offer into HTTP/1.1, the 101 shows that the server
behind it has switched and reads what follows without any rule.`,
	Fix: `Take the Upgrade header into account in HTTP/1.1 only. In Go, look at
	http.Request.ProtoMajor before you write a 101.
In a gateway, never copy Upgrade from HTTP/2 into HTTP/1.1, and treat a 101 that was not asked for as
	an error of the server (502).`,
	When:  func(c *Case) bool { return c.X.Response != nil },
	Judge: func(c *Case) Result { return c.passIf(c.status() != 101) },
	Show: func(c *Case, _ Result) Shown {
		what := "a request that the record does not have"
		if c.X.Request.Method != "" {
			what = quote(c.X.Request.Method)
			if c.X.Request.Has("Upgrade") {
				what += " with Upgrade: " + requestValues(c, "Upgrade")
			}
		}
		return seen(c.inResponse(), what)
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2-ANSWER-FIELD", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Medium}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server sends no header about a connection of HTTP/1 in HTTP/2",
	Problem: Problems{
		Switched: "Server opened a tunnel by a response with the header %s",
		Refused:  "Server sent the header %s in a response in HTTP/2",
	},
	Label: "Connection header in a response",
	Refs: []Ref{
		{"9113", "8.2.2", "a response with Connection, Keep-Alive, Proxy-Connection, Transfer-Encoding or Upgrade is malformed"},
	},
	Why: `Clients differ: curl, nghttp and Node.js reset the stream and never see the status,
Go and Chromium overlook the header. The usual case is a 426 of a server behind a gateway, with its
Upgrade header copied into HTTP/2: users see a broken connection in place of the reason.`,
	Fix: `In a gateway, remove Connection and Upgrade, and what Connection lists, from responses
	before they go out in HTTP/2. nginx and lighttpd keep Upgrade (nginx: proxy_hide_header Upgrade).`,
	When:  func(c *Case) bool { return c.X.Response != nil },
	Judge: func(c *Case) Result { return c.passIf(answerField(c.X.Response) == "") },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(append([]string{"Upgrade"}, connectionFields...)...), answerField(c.X.Response))
	},
})

// answerField returns the name of the first header of a response that has no place in HTTP/2; empty if
// there is none.
func answerField(p *wire.Response) string {
	if p.Has("Upgrade") {
		return "Upgrade"
	}
	for _, name := range connectionFields {
		if p.Has(name) {
			return name
		}
	}
	return ""
}

var _ = register(Rule{
	ID: "UPGRADE-H2-NOT-A-TUNNEL", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server that answers an extended CONNECT with a 2xx opens a tunnel",
	Problem: Problems{
		Switched: "Server answered an extended CONNECT with %s and sent a document: %s",
		Refused:  "Server answered an extended CONNECT with %s and sent a document: %s",
	},
	Label: "Page in place of a tunnel",
	Refs: []Ref{
		{"8441", "5", "a 2xx opens the tunnel, in which the frames of the protocol follow"},
		{"9110", "9.3.6", "a 2xx to CONNECT has no content, and no Content-Length"},
	},
	Why: `The server, or a gateway in front of it, took the CONNECT for a GET and answered with a
page. A browser reports the WebSocket as open, reads the page as a frame and closes with 1006: the application
believes that it was connected, and tries again and again.`,
	Fix: `Answer 404 or 501 where there is no WebSocket. In a server for single-page
	applications, exclude CONNECT from the rule that answers everything with index.html.`,
	When: func(c *Case) bool { return extended(c) && c.X.Outcome == wire.Switched && c.status() != 101 },
	Judge: func(c *Case) Result {
		return c.passIf(documentSign(c) == "")
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse("Content-Type", "Content-Length"), strconv.Itoa(c.status()), documentSign(c))
	},
})

// servesDocument reports whether a 2xx to an extended CONNECT certainly has a document, so that no tunnel is
// open. A Content-Type alone may come with a tunnel, and what answers in the tunnel is one.
func servesDocument(c *Case) bool {
	if !extended(c) || c.status() == 101 || slices.ContainsFunc(c.X.Inside, func(i wire.Inner) bool { return i.Status != 0 }) {
		return false
	}
	kind, _ := c.X.Response.Value("Content-Type")
	return c.X.Response.Has("Content-Length") || c.X.Stream != nil && c.X.Stream.Server.AtHead || strings.HasPrefix(kind, "text/html")
}

// documentSign returns what shows that a 2xx to an extended CONNECT has a document, and opens no tunnel;
// empty if nothing does.
func documentSign(c *Case) string {
	p := c.X.Response
	switch s := c.X.Stream; {
	case p.Has("Content-Length"):
		return "Content-Length: " + values(&p.Head, "Content-Length")
	case p.Has("Content-Type"):
		return "Content-Type: " + values(&p.Head, "Content-Type")
	case s != nil && s.Server.AtHead:
		return "the stream ended with the head"
	}
	return ""
}

var _ = register(Rule{
	ID: "UPGRADE-H2-STATUS", Level: Advice, Party: Server,
	Severity: Severities{Refused: Low, Switched: Medium}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server opens a tunnel with 200",
	Problem: Problems{
		Switched: "Server opened the tunnel with status %s",
	},
	Label: "Tunnel opened by another 2xx",
	Refs: []Ref{
		{"8441", "5", "a 2xx opens the tunnel"},
	},
	Why: `RFC 8441 allows any 2xx, but Chromium and Firefox fail a WebSocket whose status is not
200.`,
	Fix:   `Answer 200.`,
	When:  func(c *Case) bool { return extended(c) && c.switched && c.status() != 101 },
	Judge: func(c *Case) Result { return c.passIf(c.status() == 200) },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(), strconv.Itoa(c.status()))
	},
})
