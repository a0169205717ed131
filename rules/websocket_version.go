package rules

import "github.com/interlock-proxy/interlock/wire"

const versionField = "Sec-WebSocket-Version"

var _ = register(Rule{
	ID: "UPGRADE-INVALID-VER", Level: Must, Party: Server,
	Severity: Severities{Refused: Info, Switched: Critical}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server accepts only version 13 of WebSocket",
	Problem: Problems{
		Switched: "Server accepted a WebSocket handshake with version %s",
		Refused:  "Client sent a WebSocket handshake with version %s",
	},
	Label: "Unsupported version accepted",
	Refs: []Ref{
		{"6455", "4.2.2", "a server that does not support the requested version ends the handshake with an error status and lists those that it supports"},
		{"6455", "4.4", "the version is negotiated by rejection: the client tries again with one that the server has listed"},
		{"6455", "4.2.1", "the version of the handshake is 13"},
	},
	Why: `Requesting another version is allowed: that is how client and server find a common
one. Switching on it is not. A server that switches on 99 does not read the header. Client and
server then may not agree on frames, masks or how to close, and a proxy that does read the header
takes the handshake for one that fails: it keeps reading HTTP while the server has left it. CWIST
and Bun have accepted any version. Versions 7 and 8 are late drafts with the frames of 13; a
server that accepts one of them and advertises it gets a warning.`,
	Fix: `Accept only 13, compared as text; answer anything else with 426,
	Sec-WebSocket-Version: 13, Upgrade: websocket and Connection: Upgrade.
ws (Node.js): versions 8 and 13 are accepted and advertised; if no old client needs 8, reject it
	before handleUpgrade. aiohttp, Tornado and Netty accept 7, 8 and 13, daphne 8 and 13.` + guard,
	When: func(c *Case) bool { return c.websocket && otherVersion(c) != "" },
	Judge: func(c *Case) Result {
		res := RefuseSwitch(c)
		if version := otherVersion(c); c.switched && (version == "7" || version == "8") {
			if advertisedVersion(c, version) {
				return res.as(Warn).rated(Low)
			}
			return res.rated(Low)
		}
		return res
	},
	Show: func(c *Case, r Result) Shown {
		version := otherVersion(c)
		text := ""
		if c.switched && r.Verdict == Warn && advertisedVersion(c, version) {
			text = "Server accepted a WebSocket handshake with version %s, which it advertises"
		}
		return says(text, c.inRequest(versionField), quote(version))
	},
	Probes: []Probe{
		{ID: "UPGRADE-INVALID-VER", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 99", Want: "426 or 400 listing supported versions; never 101",
			Edit: Set(versionField, "99")},
		{ID: "UPGRADE-WS-VER-0", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 0", Want: "426 or 400 listing supported versions; never 101",
			Edit: Set(versionField, "0")},
		{ID: "UPGRADE-WS-VER-7", Class: Legacy, Label: "Sec-WebSocket-Version: 7",
			Edit: Set(versionField, "7")},
		{ID: "UPGRADE-WS-VER-8", Class: Legacy, Label: "Sec-WebSocket-Version: 8",
			Edit: Set(versionField, "8")},
		{ID: "UPGRADE-WS-VER-12", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 12", Want: "426 or 400 listing supported versions; never 101",
			Edit: Set(versionField, "12")},
		{ID: "UPGRADE-WS-VER-14", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 14", Want: "426 or 400 listing supported versions; never 101",
			Edit: Set(versionField, "14")},
		{ID: "UPGRADE-WS-VER-255", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 255", Want: "426 or 400 listing supported versions; never 101",
			Edit: Set(versionField, "255")},
		refused2("UPGRADE-H2-VER-99", "Sec-WebSocket-Version: 99 in HTTP/2", Field("sec-websocket-version", "99")),
		refused2("UPGRADE-H2-VER-8", "Sec-WebSocket-Version: 8 in HTTP/2", Field("sec-websocket-version", "8")),
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-VER-NOT-ADVERTISED", Level: Must, Party: Server,
	Severity: Severities{Refused: Medium, Switched: Medium}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server that rejects a WebSocket version lists the versions that it supports",
	Problem: Problems{
		Refused: "Server rejected WebSocket version %s with %s without listing the versions it supports",
	},
	Label: "Supported versions not listed",
	Refs: []Ref{
		{"6455", "4.4", "a server that does not support the requested version responds with a Sec-WebSocket-Version header that lists all it supports"},
		{"6455", "4.2.2", "the error status for an unsupported version comes with Sec-WebSocket-Version"},
	},
	Why: `A client that supports several versions cannot find the right one and gives up, or
tries them one by one. The rejection also looks like any other: neither people nor monitoring can
tell whether the server checks the version or failed for another reason. Many libraries reject
with a bare 400.`,
	Fix: `Add Sec-WebSocket-Version: 13 to the rejection, best with status 426, Upgrade:
	websocket and Connection: Upgrade.`,
	needs: needsOther,
	When:  func(c *Case) bool { return c.websocket && otherVersion(c) != "" && refusedVersion(c) },
	Judge: func(c *Case) Result {
		for range c.X.Response.Elements(versionField) {
			return c.result(Pass)
		}
		return c.result(Fail)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(append(c.inRequest(versionField), c.inResponse(versionField)...), quote(otherVersion(c)), quoteStatusLine(c))
	},
})

// otherVersion returns the requested WebSocket version if it is a version (RFC 6455 §4.3) and not
// 13. With two version headers it is unknown which one the server read; UPGRADE-WS-VER-DUP judges
// those.
func otherVersion(c *Case) string {
	if c.X.Request.Count(versionField) != 1 {
		return ""
	}
	if v := first(&c.X.Request.Head, versionField); isVersion(v) && string(v) != "13" {
		return string(v)
	}
	return ""
}

// isVersion reports whether b is a decimal number from 0 to 255 without leading zeros.
func isVersion(b []byte) bool {
	if len(b) == 0 || len(b) > 3 || len(b) > 1 && b[0] == '0' {
		return false
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return n <= 255
}

// refusedVersion reports whether the response refuses the version: it is a 426, or a 400 to a
// handshake without any other fault that a server would answer with a 400. A server that speaks no
// WebSocket owes no version, so a probe without an accepted control shows nothing.
func refusedVersion(c *Case) bool {
	q := c.X.Request
	if c.probed() && c.X.Controls != wire.ControlsAccepted {
		return false
	}
	switch c.status() {
	case 426:
		return true
	case 400:
		return q.Method == "GET" && q.Version == "HTTP/1.1" && c.optionSent && len(q.Flaws) == 0 &&
			q.Count("Host") == 1 && q.Count(keyField) == 1 && q.Count(versionField) == 1
	}
	return false
}

// advertisedVersion reports whether the server has advertised a version, in the response or before.
func advertisedVersion(c *Case, version string) bool {
	p := c.X.Response
	for e := range p.Elements(versionField) {
		if wire.EqualFold(p.Text(e), version) {
			return true
		}
	}
	return c.Seen.Advertised != nil && c.Seen.Advertised(c.X.Route, Template(c.X.Request.Target), version)
}
