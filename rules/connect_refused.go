package rules

var _ = register(Rule{
	ID: "UPGRADE-CONNECT-REJECT-OPEN", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A proxy closes the connection after it rejects a CONNECT and answers nothing more on it",
	Problem: Problems{
		Refused: "Server rejected CONNECT with %s and then answered another request on the same connection: %s",
	},
	Label: "Connection kept after rejected CONNECT",
	Refs: []Ref{
		{"9931", "8", "a proxy closes the connection when it rejects a CONNECT over HTTP/1.1, and processes nothing that follows"},
		{"9110", "9.3.6", "the tunnel starts with a 2xx; any other response leaves the connection in HTTP"},
	},
	Why: `Proxy clients forward what an application writes without waiting for the response to
their CONNECT. If the proxy rejects the CONNECT and keeps reading, these bytes are requests made
with the client's certificate or address: an application that may only open connections can then
talk to the proxy itself, to its other hosts and to its administration. The client cannot know in
time, so the proxy has to close the connection.`,
	Fix: `In a proxy, send Connection: close with every rejected CONNECT and close the
	connection, also after a 407.
In a client, wait for the 2xx, or send Connection: close with the CONNECT.
In an origin server that does not support CONNECT, close the connection too.`,
	When: func(c *Case) bool {
		return c.X.Request.Method == "CONNECT" && c.status() >= 300 && (len(c.X.Next.Bytes) > 0 || c.X.Response.HasOption("close"))
	},
	Judge: func(c *Case) Result {
		switch {
		case !c.X.Next.Answered:
			return c.result(Pass)
		case c.status() == 405 || c.status() == 501: // this may be no proxy
			return c.result(Warn)
		}
		return c.result(Fail)
	},
	Show: func(c *Case, _ Result) Shown {
		line := firstLine(append([]byte(nil), c.X.Next.Bytes...))
		c.Options.redactRequestLine(line)
		return seen(c.inResponse("Connection"), quoteStatusLine(c), quote(line))
	},
})
