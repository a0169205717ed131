package rules

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-CRASH", Level: Must, Party: Server,
	Severity: Severities{Refused: High, Switched: High}, Since: "0.1",
	Title: "A server keeps running whatever an upgrade request contains",
	Problem: Problems{
		Switched: "Server stopped answering after this probe: %s",
		Refused:  "Server stopped answering after this probe: %s",
	},
	Label: "Service down after request",
	Refs: []Ref{
		{"9110", "5.4", "a server that gets more or longer headers than it wants to read answers with a 4xx status"},
		{"9110", "17.5", "a recipient limits how much of a message it reads, so that its length does no harm"},
	},
	Why: `One request takes the service down, and a client can send it again each time the
service is back. The code that reads upgrade requests is often the application's own and is not
covered by what protects its other requests. If one process serves many connections, all their
tunnels end with it. ws for Node.js crashed on a request with more headers than Node.js passes on,
because it assumed that the headers of the handshake were present (CVE-2024-37890). Of 121 servers
and proxies tested, three crashed on a single request.`,
	Fix: `Find the error that ended the process, and answer 400 to a missing or unusual
	header, as to any other malformed handshake. Limit the number and length of headers, and
	answer 431 beyond that.
ws: 8.17.1, 7.5.10, 6.2.3, 5.2.4 or later. Socket.IO: engine.io 6.4.2 or later.
Node.js: add an error listener to the socket in the upgrade event before anything else, and to
	each WebSocket. http-proxy: also proxy.on('error').`,
	When: func(c *Case) bool {
		return c.probe != nil && (c.X.Controls == wire.BackendKilled || len(c.X.Suspects) > 0 || c.brings("UPGRADE-CRASH"))
	},
	Judge: func(c *Case) Result {
		switch {
		case c.X.Controls == wire.BackendKilled:
			return c.result(Fail)
		case len(c.X.Suspects) > 0:
			return c.result(Unclear)
		}
		return RefuseSwitch(c)
	},
	Show: func(c *Case, _ Result) Shown {
		start := c.X.Request.Start
		at := []Span{{InRequest, start.From, start.To}}
		if c.X.Controls != wire.BackendKilled && len(c.X.Suspects) > 0 {
			return says("Server stopped answering; one of these probes may be the cause: %s", at, strings.Join(c.X.Suspects, ", "))
		}
		return seen(at, c.probe.Label)
	},
	Probes: []Probe{
		{ID: "UPGRADE-MANY-HEADERS", Class: Either, Risk: Crash, Label: "2,500 extra headers", Want: "Any answer; the server must stay up (431 is best)",
			Edit: func(h *Handshake) { h.Lines = slices.Concat(fill(2500), h.Lines) }},
	},
})
