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
	needs: needsProbe,
	When: func(c *Case) bool {
		return c.probe != nil && (c.X.Controls == wire.BackendKilled || len(c.X.Suspects) > 0 || c.brings("UPGRADE-CRASH"))
	},
	Judge: func(c *Case) Result {
		switch {
		case c.X.Controls == wire.BackendKilled:
			return c.result(Fail)
		case len(c.X.Suspects) > 0:
			return c.result(Unclear)
		case c.probe.ID == "UPGRADE-SEQ-DEFLATE-BOMB" && c.switched:
			if deflate, _ := acceptedExtensions(c); !deflate {
				return c.result(NotApplicable) // nothing was sent that inflates
			}
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
		{ID: "UPGRADE-MANY-HEADERS", Class: Either, Risk: Crash, Label: "2,500 extra headers", Want: staysAt431,
			Edit: func(h *Handshake) { h.Lines = slices.Concat(fill(2500), h.Lines) }},
		{ID: "UPGRADE-WS-ORIGIN-MALFORMED", Class: Either, Risk: Crash, Label: "Origin with an unclosed bracket: http://[::1", Want: stays,
			Edit: Set(originField, "http://[::1")},
		{ID: "UPGRADE-WS-ORIGIN-SURROGATE", Class: Either, Risk: Crash, Label: "Origin with a lone surrogate", Want: stays,
			Edit: Set(originField, "http://"+surrogate+".invalid")},
		{ID: "UPGRADE-WS-ORIGIN-LONG", Class: Either, Risk: Crash, Label: "Origin of 64 KiB", Want: staysAt431,
			Edit: Set(originField, "http://"+strings.Repeat("a", 64<<10)+".invalid")},
		{ID: "UPGRADE-HOST-LONG", Class: Either, Risk: Crash, Label: "Host of 64 KiB", Want: staysAt431,
			Edit: Set("Host", strings.Repeat("a", 64<<10)+".invalid")},
		{ID: "UPGRADE-WS-EXT-PROTONAME", Class: Either, Risk: Crash, Label: "Extensions named as JavaScript's own properties", Want: stays,
			Edit: Set(extensionField, prototypeNames)},
		{ID: "UPGRADE-WS-PROTO-PROTONAME", Class: Either, Risk: Crash, Label: "Subprotocols named as JavaScript's own properties", Want: stays,
			Edit: Set(protocolField, prototypeNames)},
		{ID: "UPGRADE-WS-PROTO-MANY", Class: Either, Risk: Crash, Label: "100 subprotocols", Want: stays,
			Edit: Set(protocolField, manyProtocols())},
		{ID: "UPGRADE-SEQ-LENGTH-MAX", Class: Sequence, Risk: Crash, Label: "Frame of 2^63-1 bytes announced after the 101", Want: "101, then a close (1009) or nothing; the server must stay up",
			Edit: After(Always(announced(0x7f)))},
		{ID: "UPGRADE-SEQ-FRAGMENTS", Class: Sequence, Risk: Crash, Label: "100,000 fragments of one byte after the 101", Want: "101, then frames or a close; the server must stay up",
			Edit: After(tinyFragments)},
		{ID: "UPGRADE-SEQ-DEFLATE-BOMB", Class: Sequence, Risk: Crash, Label: "103 KiB that inflate to 16 MiB after the 101", Want: "101, then frames or a close (1009); the server must stay up",
			Edit: Edits(Set(extensionField, permessageDeflate), After(deflateBomb), func(h *Handshake) { h.Agreed = permessageDeflate })},
	},
})

// longAnswer reports whether the answer to a probe with a long header is a response that is too long
// to be read, such as a redirection that repeats the Host.
func (c *Case) longAnswer() bool {
	return c.headCut && c.brings("UPGRADE-CRASH") && isHTTPName(c.X.Noise)
}
