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
		{"9931", "8", "a proxy that rejects a CONNECT closes the connection and processes nothing that follows, unless it knows that the client waits for the 2xx"},
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
	needs: needsConnect,
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

var _ = register(Rule{
	ID: "UPGRADE-CONNECT-EARLY", Level: Must, Party: Client,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A client sends nothing after a CONNECT until a 2xx has arrived, unless the CONNECT has Connection: close",
	Problem: Problems{
		Switched: "Client sent %s before the response to its CONNECT",
		Refused:  "Client sent %s before the response to its CONNECT",
	},
	Label: "Tunnel data before the 2xx",
	Refs: []Ref{
		{"9931", "8", "a proxy client that connects for untrusted programs waits for the 2xx, sends Connection: close, or does both"},
		{"9931", "4.1", "if the proxy rejects the CONNECT, it reads what was meant for the tunnel as the next request"},
	},
	Why: `Whoever uses the tunnel chooses its first bytes. If they are a request and the proxy
rejects the CONNECT, as it does for every host that it cannot reach, the proxy answers that request
with the client's address or certificate as credentials. The client finds out too late.`,
	Fix: `In a client, forward the application's bytes after the 2xx only, or send Connection:
	close with the CONNECT.
In a proxy, close the connection when you reject a CONNECT (UPGRADE-CONNECT-REJECT-OPEN).`,
	needs: needsConnect,
	When:  func(c *Case) bool { return c.X.Request.Method == "CONNECT" && c.X.Response != nil && c.X.BodyDone },
	Judge: func(c *Case) Result {
		return c.passIf(c.X.EarlyBytes == 0 || c.X.Request.HasOption("close"))
	},
	Show: func(c *Case, _ Result) Shown { return seen(connectSpans(c), earlyData(c)) },
})

var _ = register(Rule{
	ID: "UPGRADE-CONNECT-2XX-FRAMED", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Title: "A proxy sends no Content-Length or Transfer-Encoding with a 2xx to CONNECT",
	Problem: Problems{
		Refused: "Server accepted CONNECT (%s) with %s",
	},
	Label: "2xx to CONNECT with framing",
	Refs: []Ref{
		{"9110", "9.3.6", "a server sends neither header with a 2xx to CONNECT, and a client ignores them"},
		{"9112", "6.3", "after a 2xx to CONNECT the tunnel starts at the empty line, whatever the headers say"},
	},
	Why: `The tunnel starts directly after the headers. A client or proxy that believes the
header takes the first bytes of the tunnel for a body: the TLS handshake inside it fails, or, with
a length of 0, the connection goes back to HTTP while the other side is in the tunnel.`,
	Fix: `Write 200 without Content-Length and Transfer-Encoding, even if the length is 0.
Go: hijack the connection and write the response yourself; net/http adds a length.`,
	needs: needsConnect,
	When:  func(c *Case) bool { return c.X.Request.Method == "CONNECT" && c.status()/100 == 2 },
	Judge: func(c *Case) Result {
		return c.passIf(!c.X.Response.Has("Content-Length") && !c.X.Response.Has("Transfer-Encoding"))
	},
	Show: func(c *Case, _ Result) Shown {
		name := "Content-Length"
		if c.X.Response.Has("Transfer-Encoding") {
			name = "Transfer-Encoding"
		}
		return seen(c.inResponse(name), quoteStatusLine(c), name+": "+responseValues(c, name))
	},
})

// connectSpans returns where the method of the request is.
func connectSpans(c *Case) []Span {
	q := c.X.Request
	return []Span{{InRequest, q.Start.From, q.Start.From + len(q.Method)}}
}
