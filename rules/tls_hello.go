package rules

var _ = register(Rule{
	ID: "UPGRADE-TLS-EARLY", Level: Advice, Party: Client,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A client waits for the 101 before it starts the TLS handshake",
	Problem: Problems{
		Switched: "Client started the TLS handshake before the 101: %s",
		Refused:  "Client started the TLS handshake before the response: %s",
	},
	Label: "TLS started before 101",
	Refs: []Ref{
		{"9931", "6.1", "the server may reject the upgrade, and TLS that was sent without waiting is not valid HTTP/1.1"},
		{"2817", "3.3", "the TLS handshake starts when the 101 has arrived"},
	},
	Why: `A server that does not switch reads the TLS handshake as the next request. A server
that follows the RFC closes the connection; a lenient one skips bytes until something looks like a
request, and a TLS handshake has room for one: others choose the server name and the session
ticket. What a proxy does with early bytes decides whether they reach the wrong server.`,
	Fix: `In a client, send nothing after the offer until the 101 has been read.
In a server, close the connection at the first byte that cannot start a request.`,
	needs: needsTLS,
	When:  func(c *Case) bool { return c.X.Response != nil && hasProtocol(c.offered, "TLS") },
	Judge: func(c *Case) Result {
		b := c.X.Early
		switch {
		case len(b) == 0 || b[0] != tlsHandshake || len(b) > 1 && b[1] != 3:
			return c.result(Pass)
		case len(b) == 1:
			return c.result(Unclear)
		case c.switched:
			return c.result(Fail)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, r Result) Shown {
		b := c.X.Early[:min(len(c.X.Early), 6)]
		if r.Verdict == Unclear {
			return says("Client may have started the TLS handshake before the response: %s", earlySpans(c, b), quote(b))
		}
		return seen(earlySpans(c, b), quote(b))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-TLS-NO-HELLO", Level: Advice, Party: Client,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A client starts the TLS handshake after a 101 to TLS",
	Problem: Problems{
		Switched: "Client did not start the TLS handshake after the 101; it sent %s",
	},
	Label: "No TLS handshake after 101",
	Refs: []Ref{
		{"2817", "3.3", "after the 101 both sides start the TLS handshake"},
		{"9110", "7.8", "the new protocol starts when the request has been sent in full and the 101 has arrived"},
	},
	Why: `The client continues in plain text although both sides said that they would not:
everyone on the path can read what it sends. Or the client never offered TLS, and a proxy
forwarded someone else's offer. A server that also continues in plain text answered 101 to a word
that it does not know. A client that closes the connection without a byte offered what it did not
want, or does not like the response.`,
	Fix: `In a client, send a ClientHello after the 101, or do not offer TLS.
In a server, close the connection if the first byte is not 0x16.`,
	needs: needsTLS,
	When: func(c *Case) bool {
		return c.switched && c.X.Complete && (len(c.X.After.Client) > 0 || leftAtOnce(c)) && c.towards("TLS") &&
			(len(c.chosen) == 0 || hasProtocol(c.chosen, "TLS")) && !isRequestLine(c.X.After.Client)
	},
	Judge: func(c *Case) Result {
		if leftAtOnce(c) {
			if c.probed() {
				return c.result(NotApplicable)
			}
			res := c.result(Warn).rated(Low)
			if c.X.After.ServerClosed {
				res.Attribution = "client or server"
			}
			return res
		}
		return c.result(helloOf(c.X.After.Client))
	},
	Show: func(c *Case, r Result) Shown {
		if leftAtOnce(c) {
			return says("Connection ended after the 101 before the client started the TLS handshake", c.inResponse("Upgrade"))
		}
		b := c.X.After.Client[:min(len(c.X.After.Client), 6)]
		at, what := []Span{{FromClient, 0, len(b)}}, quote(b)
		if r.Verdict == Unclear {
			return says("Client sent too few bytes after the 101 to tell whether a TLS handshake follows: %s", at, what)
		}
		if record, ok := readTLSRecord(b); ok && record.kind == tlsHandshake {
			what += ", a TLS record without a ClientHello"
		}
		return seen(at, what)
	},
})

// leftAtOnce reports whether one side ended the tunnel before the client sent anything into it.
func leftAtOnce(c *Case) bool {
	a := &c.X.After
	return !a.Opaque && (a.ClientClosed || a.ServerClosed) && a.ClientBytes == 0 && len(a.Client) == 0
}
