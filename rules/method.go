package rules

var _ = register(Rule{
	ID: "UPGRADE-POST", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "A server accepts a WebSocket handshake only if the method is GET",
	Problem: Problems{
		Switched: "Server accepted a WebSocket handshake with method %s",
		Refused:  "Client sent a WebSocket handshake with method %s",
	},
	Label: "Handshake accepted without GET",
	Refs: []Ref{
		{"6455", "4.1", "the method of the opening handshake is GET"},
		{"6455", "4.2.1", "a server that reads a handshake that is not a GET stops processing it and answers with an error status"},
	},
	Why: `Everything in front of a server expects handshakes to be GET requests: a proxy
decides by the method whether a connection may become a tunnel, and access rules, rate limits and
logs are written for GET. A server that looks at the headers only also switches on POST, HEAD or
an invented method. The handshake then bypasses these rules, and a proxy that does not expect a
switch keeps reading HTTP on a connection that has left it. A request with a body makes it worse:
its bytes may be read as the first frames. Netty's handshaker, Crystal's standard library and
Kemal have switched on any method.`,
	Fix: `Accept a WebSocket handshake only if the method is exactly GET, in capitals; answer
	anything else with 405 and Allow: GET.
Express and http-proxy: routers do not see upgrades; compare req.method in the upgrade event.
	aiohttp: add_get with allow_head=False, not add_route("*").
Netty: compare the method before the request reaches WebSocketServerHandshaker. Crystal, Kemal:
	compare it in a handler before the WebSocket handler.
nginx, in front: limit_except GET { deny all; } in the location of the endpoint (it answers 403,
	and lets HEAD through). HAProxy: use { method GET }; METH_GET also matches HEAD.` + guard,
	When: func(c *Case) bool { return c.websocket && c.X.Request.Method != "GET" },
	Show: func(c *Case, _ Result) Shown {
		q := c.X.Request
		return seen([]Span{{InRequest, q.Start.From, q.Start.From + len(q.Method)}}, quote(q.Method))
	},
	Probes: []Probe{
		{ID: "UPGRADE-POST", Label: "WebSocket handshake with method POST", Want: "405 (other 4xx and 501 pass); never 101", Risk: State,
			Edit: Method("POST")},
		{ID: "UPGRADE-POST-CL0", Label: "Method POST with Content-Length: 0", Want: "405 (other 4xx and 501 pass); never 101", Risk: State,
			Edit: Edits(Method("POST"), Set("Content-Length", "0"))},
		{ID: "UPGRADE-METHOD-HEAD", Label: "WebSocket handshake with method HEAD", Want: "405 (other 4xx and 501 pass); never 101",
			Edit: Method("HEAD")},
		{ID: "UPGRADE-METHOD-PUT", Label: "WebSocket handshake with method PUT", Want: "405 (other 4xx and 501 pass); never 101", Risk: State,
			Edit: Method("PUT")},
		{ID: "UPGRADE-METHOD-DELETE", Label: "WebSocket handshake with method DELETE", Want: "405 (other 4xx and 501 pass); never 101", Risk: State,
			Edit: Method("DELETE")},
		{ID: "UPGRADE-METHOD-PATCH", Label: "WebSocket handshake with method PATCH", Want: "405 (other 4xx and 501 pass); never 101", Risk: State,
			Edit: Method("PATCH")},
		{ID: "UPGRADE-METHOD-OPTIONS", Label: "WebSocket handshake with method OPTIONS", Want: "405 (other 4xx and 501 pass); never 101",
			Edit: Method("OPTIONS")},
		{ID: "UPGRADE-METHOD-TRACE", Label: "WebSocket handshake with method TRACE", Want: "405 (other 4xx and 501 pass); never 101",
			Edit: Method("TRACE")},
		{ID: "UPGRADE-METHOD-QUERY", Label: "WebSocket handshake with method QUERY", Want: "405 (other 4xx and 501 pass); never 101", Risk: State,
			Edit: Method("QUERY")},
		{ID: "UPGRADE-METHOD-FOOBAR", Label: "WebSocket handshake with method FOOBAR", Want: "405 (other 4xx and 501 pass); never 101", Risk: State,
			Edit: Method("FOOBAR")},
		{ID: "UPGRADE-METHOD-LOWER", Label: "WebSocket handshake with method get", Want: "405 (other 4xx and 501 pass); never 101", Risk: State,
			Edit: Method("get")},
		{ID: "UPGRADE-METHOD-CONNECT", Label: "WebSocket handshake with method CONNECT", Want: "405 (other 4xx and 501 pass); never 101", Risk: State, Also: []string{"UPGRADE-CONNECT"},
			Edit: Edits(Method("CONNECT"), Target(func(h *Handshake) string { return h.Host }))},
		{ID: "UPGRADE-METHOD-OVERRIDE", Label: "POST + X-HTTP-Method-Override: GET", Want: "405 (other 4xx and 501 pass); never 101", Risk: State,
			Edit: Edits(Method("POST"), Set("X-HTTP-Method-Override", "GET"), Set("Content-Length", "0"))},
	},
})
