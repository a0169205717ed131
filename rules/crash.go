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
		{"9110", "5.4", "a server that gets more fields, or longer ones, than it is willing to read answers with a 4xx status"},
		{"9110", "17.5", "who reads a message limits how much of it he takes, so that its length harms nothing"},
	},
	Why: `One request, and nobody answers any more: what a client can do once it can do again each time the service is
back. The code that reads upgrade requests is often the program's own and stands outside what protects its other requests.
Where a process serves many connections, all their tunnels end with it. ws for Node.js fell over a request with more
fields than Node.js hands on: those of the handshake were the ones left out, and the code took them for granted
(CVE-2024-37890). Of 121 servers and proxies that were tried, three died from a single request.`,
	Fix: `Look for the error that ended the process, and treat a missing or strange field like any other faulty handshake: 400.
	Limit the number and the length of fields, and answer 431 beyond that.
ws: 8.17.1, 7.5.10, 6.2.3, 5.2.4 or later.
Node.js: an error listener on the socket in the upgrade event, before anything else is done with it.`,
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
