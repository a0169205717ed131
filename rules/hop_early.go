package rules

import (
	"bytes"
)

var _ = register(Rule{
	ID: "UPGRADE-HOP-PREMATURE", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A proxy holds what a client sends after an offer until the server has answered",
	Problem: Problems{
		Switched: "Proxy forwarded %s of the client before the server's 101",
		Refused:  "Proxy forwarded %s of the client before the server had answered the offer",
	},
	Label: "Early bytes forwarded by proxy",
	Refs: []Ref{
		{"9110", "7.8", "the protocol changes with the 101; until then the connection is HTTP"},
		{"9931", "4.1", "a server that rejects an offer reads what follows as the next request"},
	},
	Why: `The proxy takes the connection for a tunnel as soon as it has forwarded the offer. If the
server rejects it, those bytes are a request that the proxy has never read: an attacker reaches
paths that the proxy denies, and on a shared connection gets other clients' responses mixed up
(CVE-2026-2833, Pingora).`,
	Fix: `Keep the client's bytes in the proxy until the head of the response is there. After a 101
	send them on; after anything else read them as the next request.
Pingora: upgrade to 0.8.0.`,
	When: func(c *Case) bool {
		far := c.far()
		return far != nil && !c.headCut && c.X.EarlyBytes > 0 && len(c.X.Early) > 0 && offers(far.Request)
	},
	Judge: func(c *Case) Result {
		far := c.far()
		switch {
		case far.EarlyBytes == 0:
			return c.result(Pass)
		case isRequestLine(far.Early) && !begins(far.Early, c.X.Early):
			return c.result(Warn).rated(Low) // a pipelined request that the proxy has read
		case isSwitch(far):
			return c.result(Warn).rated(Medium)
		}
		return c.result(Fail)
	},
	Show: func(c *Case, r Result) Shown {
		b := c.far().Early
		if r.Verdict == Warn && r.Severity == Low {
			return says("Proxy forwarded another request before the server had answered the offer: %s", c.inRequest("Upgrade"), quoteOpening(c, b))
		}
		return seen(c.inRequest("Upgrade"), quoteOpening(c, b))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-HOP-TUNNEL-NON101", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Critical, Switched: Critical}, Since: "0.1",
	Title: "A proxy goes on with HTTP on both connections after the server has rejected an offer",
	Problem: Problems{
		Switched: "Proxy opened a tunnel although %s: %s arrived there",
		Refused:  "Proxy opened a tunnel although %s: %s arrived there",
	},
	Label: "Tunnel after a rejected offer",
	Refs: []Ref{
		{"9110", "7.8", "the protocol changes only with a 101"},
		{"9931", "4.1", "a proxy that takes a rejected upgrade for an accepted one lets requests pass unread"},
	},
	Why: `The proxy relays bytes that are not HTTP, so it would relay any request too, without its
rules for paths and logins and under its own address. An attacker only needs an endpoint that
answers 426, 400 or 200 to an offer, which every WebSocket endpoint does for a wrong version.`,
	Fix: `Look at the status of the response: only a 101 makes a tunnel. After anything else read the
	client's next bytes as a request, and answer 400 to what is not one.`,
	When: func(c *Case) bool {
		far := c.far()
		return far != nil && !c.headCut && !c.switched && far.Response != nil && !isSwitch(far) && offers(far.Request) && far.EarlyBytes == 0 &&
			len(c.X.Next.Bytes) > 0 && !c.X.Next.HTTP
	},
	Judge: func(c *Case) Result {
		next := c.far().Next
		return c.passIf(len(next.Bytes) == 0 || next.HTTP || !begins(next.Bytes, c.X.Next.Bytes))
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade"), farAnswer(c.far()), beginning(c.Options.redactAfter(c.far().Next.Bytes, c.websocket)))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-HOP-ORDER", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A proxy sends the responses to several requests of a client in the order of the requests",
	Problem: Problems{
		Switched: "Proxy sent the 101 for a later request before the response to %s",
	},
	Label: "101 overtakes another response",
	Refs: []Ref{
		{"9112", "9.3.2", "a server answers requests on one connection in their order"},
	},
	Why: `The client takes the 101 for the answer to the request before. The response that was
overtaken arrives within the tunnel, where the client reads it as frames; its content is whatever
the other request asked for.`,
	Fix:   `Do not forward an offer before every earlier request of the connection has its response.`,
	When:  func(c *Case) bool { return c.switched && c.far() != nil && !c.headCut },
	Judge: func(c *Case) Result { return c.passIf(!overtaken(c)) },
	Show: func(c *Case, _ Result) Shown {
		q := c.X.Request
		line := bytes.Clone(q.Text(q.Start))
		c.Options.redactRequestLine(line)
		return seen(append([]Span{{InRequest, q.Start.From, q.Start.To}}, c.inResponse()...), quote(line))
	},
})

// overtaken reports whether a 101 came to a request without an offer after which the client had sent
// another one already, and the server answered the first request otherwise, or not yet.
func overtaken(c *Case) bool {
	return c.switched && c.X.EarlyBytes > 0 && !c.X.Sent().Has("Upgrade") && c.far() != nil && !c.farSwitched()
}

var _ = register(Rule{
	ID: "UPGRADE-HOP-CONNECT-OPEN", Level: Must, Party: Intermediary, Hop: true,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A proxy closes the connection after it rejects a CONNECT, and answers nothing more on it",
	Problem: Problems{
		Refused: "Proxy rejected CONNECT with %s and then answered another request on the same connection: %s",
	},
	Label: "Proxy reads on after rejected CONNECT",
	Refs: []Ref{
		{"9931", "8", "a proxy that rejects a CONNECT closes the connection, unless it knows that the client waits"},
	},
	Why: `A client that does not wait for the 2xx sends bytes of an application, which the proxy then
reads as requests with the client's rights.`,
	Fix: `Send Connection: close with every rejected CONNECT, and close the connection.`,
	When: func(c *Case) bool {
		return c.X.Request.Method == "CONNECT" && c.status() >= 300 && len(c.X.Next.Bytes) > 0
	},
	Judge: func(c *Case) Result {
		if c.X.Next.Answered {
			return c.result(Warn)
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		line := bytes.Clone(firstLine(c.X.Next.Bytes))
		c.Options.redactRequestLine(line)
		return seen(c.inResponse("Connection"), quoteStatusLine(c), quote(line))
	},
})
