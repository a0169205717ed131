package rules

import "github.com/interlock-proxy/interlock/wire"

var _ = register(Rule{
	ID: "UPGRADE-WS-REFUSED-2XX", Level: Must, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server answers an invalid WebSocket handshake with an error status",
	Problem: Problems{
		Refused: "Server answered an invalid WebSocket handshake with %s at an endpoint that accepts valid ones",
	},
	Label: "Invalid handshake got 2xx",
	Refs: []Ref{
		{"6455", "4.2.1", "a server that finds the handshake invalid stops processing it and answers with an error status, such as 400"},
	},
	Why: `The endpoint is known to accept upgrades; this handshake was invalid and got a page.
The client sees a 200 where it wants a 101, monitoring counts a success, and no one learns what
was wrong. Often a framework finds no valid handshake and falls through to the next route, which
may do things that were never meant for such a request.`,
	Fix: `Once a request to the endpoint offers WebSocket, answer 400 if anything is missing,
	405 for another method, and 426 with Sec-WebSocket-Version: 13 for another version.`,
	needs: needsOther,
	When: func(c *Case) bool {
		return c.websocket && c.X.Response != nil && !c.switched && isFaultyHandshake(c) && knownToSwitch(c)
	},
	Judge: func(c *Case) Result { return c.passIf(c.status() < 200 || c.status() >= 300) },
	Show: func(c *Case, _ Result) Shown {
		return seen(append(c.inRequest("Upgrade", keyField, versionField), c.inResponse()...), quoteStatusLine(c))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-HANG", Level: Advice, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A server answers every valid WebSocket handshake",
	Problem: Problems{
		Refused: "Server never answered a valid WebSocket handshake",
	},
	Label: "No answer to handshake",
	Refs: []Ref{
		{"6455", "4.2.2", "a server that has read a handshake accepts it, or answers with an error status"},
	},
	Why: `The client waits until it times out, and so do connections and memory on every hop.
A Node.js server that listens for upgrades on one path only leaves all others open forever (ws); a
proxy built with node-http-proxy has done so whenever the backend rejected the upgrade. If the
endpoint has never been seen to accept an upgrade, silence may be its way to reject one, and the
verdict is unclear.`,
	Fix: `Answer every upgrade request, with 404 for a path that does not exist.
Node.js: in the upgrade event, write HTTP/1.1 404 and destroy the socket if no handler takes it;
	add a request listener too.`,
	needs: needsOther,
	When: func(c *Case) bool {
		return c.websocket && !c.switched && (c.X.Response != nil || c.X.Outcome == wire.Silent) && isValidHandshake(c)
	},
	Judge: func(c *Case) Result {
		switch {
		case c.X.Response != nil:
			return c.result(Pass)
		case len(c.X.Interim) == 0 && knownToSwitch(c):
			return c.result(Fail)
		}
		return c.result(Unclear)
	},
	Show: func(c *Case, r Result) Shown {
		at := c.inRequest("Upgrade", "Connection", keyField, versionField)
		switch {
		case r.Verdict == Fail:
			return seen(at)
		case len(c.X.Interim) > 0:
			return says("Server sent only an interim response to a valid WebSocket handshake", at)
		}
		return says("Server has not answered a valid WebSocket handshake; this endpoint has not been seen to accept one", at)
	},
})

// knownToSwitch reports whether the endpoint has switched before.
func knownToSwitch(c *Case) bool {
	return c.Seen.Switches != nil && c.Seen.Switches(c.X.Route, Template(c.X.Request.Target))
}

// isValidHandshake reports whether a server could find nothing wrong with a WebSocket handshake
// except its version: there is one, and client and server have to agree on it. Of the probes only
// those that should be accepted are valid.
func isValidHandshake(c *Case) bool {
	q := c.X.Request
	if c.probe != nil && c.probe.Class != Accept && c.probe.Class != Interop {
		return false
	}
	return c.optionSent && !c.headCut && len(q.Flaws) == 0 && atLeast11(q.Version) && q.Count(versionField) == 1 &&
		isVersion(first(&q.Head, versionField)) && validButVersion(c) && !announcesContent(c)
}

// isFaultyHandshake reports whether a WebSocket handshake violates a rule that makes a server
// reject it. A server may ignore one over HTTP/1.0, or without Connection: Upgrade.
func isFaultyHandshake(c *Case) bool {
	q := c.X.Request
	return c.optionSent && !c.headCut && atLeast11(q.Version) &&
		(!validButVersion(c) || q.Count(versionField) != 1 || string(first(&q.Head, versionField)) != "13")
}

func validButVersion(c *Case) bool {
	q := c.X.Request
	return q.Method == "GET" && q.Count("Host") == 1 && isHost(first(&q.Head, "Host")) && q.Count(keyField) == 1 &&
		keyShaped(first(&q.Head, keyField))
}
