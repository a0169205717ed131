package rules

var _ = register(Rule{
	ID: "UPGRADE-401-CHALLENGE", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server says in WWW-Authenticate how to log in with every 401, and a proxy in Proxy-Authenticate with every 407",
	Problem: Problems{
		Refused: "Server answered %s without a challenge in %s",
	},
	Label: "401 without challenge",
	Refs: []Ref{
		{"9110", "11.6.1", "a 401 has a WWW-Authenticate header with at least one challenge"},
		{"9110", "11.7.1", "a 407 has a Proxy-Authenticate header with at least one challenge"},
	},
	Why: `The status says that the client must log in, and nothing says how: a client that can
use Basic, Bearer or Negotiate has no reason to try, and gives up. APIs often leave the header out
so that browsers show no login window, but no browser shows one for a WebSocket, and a 403 says
the same without the promise.`,
	Fix: `Send a challenge, such as WWW-Authenticate: Bearer, with every 401. If the client
	cannot log in with HTTP authentication, as with a cookie or a ticket in the URL, answer 403.
nginx: auth_basic adds it; with auth_request, copy it: auth_request_set $challenge
	$upstream_http_www_authenticate and add_header WWW-Authenticate $challenge always.`,
	needs: needsOther,
	When:  func(c *Case) bool { return challengeField(c.status()) != "" && c.asks() },
	Judge: func(c *Case) Result {
		for range c.X.Response.Elements(challengeField(c.status())) {
			return c.result(Pass)
		}
		return lacksHeader(c)
	},
	Show: func(c *Case, _ Result) Shown {
		name := challengeField(c.status())
		return seen(c.inResponse(name), quoteStatusLine(c), name)
	},
})

var _ = register(Rule{
	ID: "UPGRADE-405-ALLOW", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server lists the methods that it supports in the Allow header of every 405",
	Problem: Problems{
		Refused: "Server answered %s without an Allow header",
	},
	Label: "405 without Allow",
	Refs: []Ref{
		{"9110", "15.5.6", "a 405 has an Allow header with the methods that the resource supports; the list may be empty"},
	},
	Why: `405 is the right answer to a handshake that is not a GET, and Allow: GET tells the
client what to send instead. Without it neither a person nor a program can tell a wrong method
from an endpoint that does not exist, and caches and API gateways that read Allow get nothing.`,
	Fix: `Send Allow: GET with the 405 of a WebSocket endpoint.
Frameworks add it by themselves if the route is registered for GET, as in Go:
	http.HandleFunc("GET /chat", chat).
gorilla, coder, gobwas and ws answer 405 without it: reject other methods yourself before you call
	them.`,
	needs: needsOther,
	When:  func(c *Case) bool { return c.status() == 405 && c.asks() },
	Judge: func(c *Case) Result {
		if c.X.Response.Has("Allow") {
			return c.result(Pass)
		}
		return lacksHeader(c)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inResponse(), quoteStatusLine(c))
	},
})

// lacksHeader judges a rejection without a header that its status requires. A probe that gets one was
// rejected, as it should be: that is a warning.
func lacksHeader(c *Case) Result {
	if c.probed() {
		return oncePerRun(c, c.result(Warn))
	}
	return c.result(Fail)
}

// challengeField returns the header in which a response with that status says how to log in; empty
// if it does not have to.
func challengeField(status int) string {
	switch status {
	case 401:
		return "WWW-Authenticate"
	case 407:
		return "Proxy-Authenticate"
	}
	return ""
}
