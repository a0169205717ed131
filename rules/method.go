package rules

var _ = register(Rule{
	ID: "UPGRADE-POST", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "a WebSocket handshake that is not a GET is not accepted",
	Refs: []Ref{
		{"6455", "4.1", "the method of the opening handshake is GET"},
		{"6455", "4.2.1", "a server that reads a handshake which is no GET stops there and answers with an error status"},
	},
	Why: `Whatever stands in front of a server knows handshakes as GET requests: an intermediary decides by the method
whether a connection may become a tunnel, access rules and rate limits are written for GET, and so are logs. A server
that looks at the fields only switches on POST, HEAD or a made-up method too. The handshake then gets past these
rules, and where an intermediary does not expect a switch it goes on reading HTTP on a connection that has left it. A
request with a body makes it worse: its bytes may be read as the first frames. Netty's handshaker, Crystal's standard
library and Kemal have switched on any method.`,
	Fix: `Accept a WebSocket handshake only if the method is exactly GET, in capitals; answer anything else with 405, Allow:
	GET and Connection: close.
Netty: compare the method before the request reaches WebSocketServerHandshaker.
Crystal, Kemal: compare it in a handler in front of the WebSocket handler.
nginx, in front: limit_except GET { deny all; } in the location of the endpoint (it lets HEAD through).`,
	When: func(c *Case) bool { return c.websocket && c.X.Request.Method != "GET" },
	Show: func(c *Case) (string, []Span) {
		q := c.X.Request
		return "method " + quote(q.Method), []Span{{InRequest, q.Start.From, q.Start.From + len(q.Method)}}
	},
})
