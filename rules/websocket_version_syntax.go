package rules

import "github.com/interlock-proxy/interlock/wire"

var _ = register(Rule{
	ID: "UPGRADE-WS-VER-MISSING", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server rejects a WebSocket handshake without Sec-WebSocket-Version",
	Problem: Problems{
		Switched: "Server accepted a WebSocket handshake without Sec-WebSocket-Version (offered: %s)",
		Refused:  "Client sent a WebSocket handshake without Sec-WebSocket-Version (offered: %s)",
	},
	Label: "Missing version accepted",
	Refs: []Ref{
		{"6455", "4.1", "the request has a Sec-WebSocket-Version header with the value 13"},
		{"6455", "4.2.1", "a server that finds no such header stops processing the handshake and answers with an error status"},
	},
	Why: `The version says which frames will follow. A handshake without one comes from a
draft older than the header, whose frames look nothing like those of RFC 6455, or from someone who
tests what a server accepts. A server that switches may misread the frames; and a proxy that
checks the handshake, and continues in HTTP because it is invalid, loses sight of the connection.
Bun and CWIST have switched without a version.`,
	Fix: `Reject with 426, Sec-WebSocket-Version: 13, Upgrade: websocket and Connection:
	Upgrade unless the version is 13.` + guard,
	When: func(c *Case) bool { return c.websocket && !c.headCut && lacksVersion(c) },
	Show: func(c *Case, _ Result) Shown {
		if c.X.Request.Has(versionField) {
			return varies(Problems{
				Switched: "Server accepted a WebSocket handshake with an empty Sec-WebSocket-Version header",
				Refused:  "Client sent a WebSocket handshake with an empty Sec-WebSocket-Version header",
			}, c.inRequest(versionField))
		}
		return seen(c.inRequest("Upgrade"), members(c.offered))
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-VER-MISSING", Class: RefuseVersion, Label: "No Sec-WebSocket-Version header",
			Edit: Without(versionField)},
		refused2("UPGRADE-H2-VER-NONE", "No Sec-WebSocket-Version in HTTP/2", NoField("sec-websocket-version")),
		{ID: "UPGRADE-WS-VER-EMPTY", Class: RefuseVersion, Label: "Empty Sec-WebSocket-Version",
			Edit: Set(versionField, "")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-VER-SYNTAX", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: High}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server rejects a WebSocket handshake whose version is not one plain decimal number from 0 to 255",
	Problem: Problems{
		Switched: "Server accepted a malformed Sec-WebSocket-Version: %s",
		Refused:  "Client sent a malformed Sec-WebSocket-Version: %s",
	},
	Label: "Malformed version accepted",
	Refs: []Ref{
		{"6455", "4.3", "a version is a number from 0 to 255, without leading zeros"},
		{"6455", "4.2.1", "a server stops processing a handshake that does not match the grammar"},
		{"6455", "11.3.5", "a client requests one version; lists of versions are for responses"},
	},
	Why: `What a server reads into 013, +13, 13.0, 0x0d, 13a or 269 depends on the function
that converts text to a number: ws for Node.js has taken the first four for 13, WebSocket-Node the
fifth, and a server that stores the number in a byte takes the last. Lists are part of this:
wsproto and gorilla/websocket have looked for a 13 somewhere in "99, 13". A proxy or filter that
compares the text finds no version that it knows, takes the handshake for a failed one and keeps
reading HTTP, while the server has left it.`,
	Fix: `Compare the header with the text 13, byte by byte; do not convert it. Answer
	anything else with 426 and Sec-WebSocket-Version: 13.
Go: strconv.Atoi accepts +13 and 013. JavaScript: Number and == accept 13.0, 0x0d and +13,
	parseInt accepts 13a.` + guard,
	When: func(c *Case) bool { return c.websocket && !c.headCut && malformedVersion(c).Len() > 0 },
	Show: func(c *Case, _ Result) Shown {
		v := malformedVersion(c)
		return seen([]Span{{InRequest, v.From, v.To}}, quote(c.X.Request.Text(v)))
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-VER-LEADZERO", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 013",
			Edit: Set(versionField, "013")},
		{ID: "UPGRADE-WS-VER-PLUS", Class: RefuseVersion, Label: "Sec-WebSocket-Version: +13",
			Edit: Set(versionField, "+13")},
		{ID: "UPGRADE-WS-VER-DOT", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 13.0",
			Edit: Set(versionField, "13.0")},
		{ID: "UPGRADE-WS-VER-HEX", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 0x0d",
			Edit: Set(versionField, "0x0d")},
		{ID: "UPGRADE-WS-VER-JUNK", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 13a",
			Edit: Set(versionField, "13a")},
		{ID: "UPGRADE-WS-VER-SEMI", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 13;q=1",
			Edit: Set(versionField, "13;q=1")},
		{ID: "UPGRADE-WS-VER-NEG", Class: RefuseVersion, Label: "Sec-WebSocket-Version: -13",
			Edit: Set(versionField, "-13")},
		{ID: "UPGRADE-WS-VER-FRAC", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 13.9",
			Edit: Set(versionField, "13.9")},
		{ID: "UPGRADE-WS-VER-INNER-SP", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 1 3",
			Edit: Set(versionField, "1 3")},
		{ID: "UPGRADE-WS-VER-WRAP8", Class: RefuseVersion, Label: "Version 269 (13 in 8 bits)",
			Edit: Set(versionField, "269")},
		{ID: "UPGRADE-WS-VER-WRAP16", Class: RefuseVersion, Label: "Version 65549 (13 in 16 bits)",
			Edit: Set(versionField, "65549")},
		{ID: "UPGRADE-WS-VER-WRAP32", Class: RefuseVersion, Label: "Version 4294967309 (13 in 32 bits)",
			Edit: Set(versionField, "4294967309")},
		{ID: "UPGRADE-WS-VER-WRAP64", Class: RefuseVersion, Label: "Version 18446744073709551629 (13 in 64 bits)",
			Edit: Set(versionField, "18446744073709551629")},
		{ID: "UPGRADE-WS-VER-LIST", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 13, 8",
			Edit: Set(versionField, "13, 8")},
		refused2("UPGRADE-H2-VER-LIST", "Sec-WebSocket-Version: 13, 8 in HTTP/2", Field("sec-websocket-version", "13, 8")),
		{ID: "UPGRADE-WS-VER-LIST2", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 8, 13",
			Edit: Set(versionField, "8, 13")},
		{ID: "UPGRADE-WS-VER-LIST-99-13", Class: RefuseVersion, Label: "Sec-WebSocket-Version: 99, 13",
			Edit: Set(versionField, "99, 13")},
		{ID: "UPGRADE-WS-VER-FULLWIDTH", Class: RefuseVersion, Label: "Sec-WebSocket-Version in fullwidth digits",
			Edit: Set(versionField, "\xef\xbc\x91\xef\xbc\x93")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-VER-DUP", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: High}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A server rejects a WebSocket handshake with more than one Sec-WebSocket-Version header",
	Problem: Problems{
		Switched: "Server accepted a handshake with several Sec-WebSocket-Version headers: %s",
		Refused:  "Client sent several Sec-WebSocket-Version headers: %s",
	},
	Label: "Duplicate version accepted",
	Refs: []Ref{
		{"6455", "11.3.5", "Sec-WebSocket-Version appears only once in a request"},
		{"6455", "4.2.1", "a server stops processing a handshake that is not as the RFC describes it"},
	},
	Why: `If the header is duplicated, one reader uses the first, the next the last, a third
looks for a 13 in either (gorilla/websocket did). If the values differ, a proxy and the server
behind it disagree on whether this handshake can succeed, which is exactly the difference that
WebSocket smuggling needs. If they are the same, something on the path added a header that was
already there.`,
	Fix: `Count the Sec-WebSocket-Version headers, and reject with 426 and
	Sec-WebSocket-Version: 13 unless there is exactly one.` + guard,
	When: func(c *Case) bool { return c.websocket && !c.headCut && c.X.Request.Count(versionField) > 1 },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(versionField), requestValues(c, versionField))
	},
	Probes: []Probe{
		refused2("UPGRADE-H2-VER-DUP", "Two versions in HTTP/2: 13, then 99", FieldAfter("sec-websocket-version", "sec-websocket-version", "99")),
		{ID: "UPGRADE-WS-VER-DUP-SAME", Class: RefuseVersion, Risk: Crash, Label: "Sec-WebSocket-Version: 13 sent twice",
			Edit: Twice(versionField, "13")},
		{ID: "UPGRADE-WS-VER-DUP-13-99", Class: RefuseVersion, Risk: Crash, Label: "Two versions: 13, then 99",
			Edit: Twice(versionField, "99")},
		{ID: "UPGRADE-WS-VER-DUP-99-13", Class: RefuseVersion, Risk: Crash, Label: "Two versions: 99, then 13",
			Edit: Edits(Set(versionField, "99"), Twice(versionField, "13"))},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-TOKEN-VERSION", Level: Advice, Party: Client,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A client offers websocket without a version in Upgrade, and a server ignores one with a version",
	Problem: Problems{
		Switched: "Server accepted %s as the protocol in Upgrade",
		Refused:  "Client offered %s in Upgrade",
	},
	Label: "Upgrade: websocket with version",
	Refs: []Ref{
		{"9110", "7.8", "an element of Upgrade is a name and optionally a version that belongs to the protocol"},
		{"6455", "4.1", "the Upgrade header has the keyword websocket; its version is in Sec-WebSocket-Version"},
	},
	Why: `The grammar of Upgrade allows websocket/13, but WebSocket has no version there.
Servers differ: one looks at the name, another compares the whole element and ignores the offer.
So a handshake that works here fails elsewhere, and a proxy that compares the whole element opens
no tunnel where the server has switched. A server that switches on websocket/13 gets a warning;
one that switches on another version there does not read what it agrees to.`,
	Fix: `In a client, send Upgrade: websocket without a version. In a server, ignore an
	element with a version.`,
	When: func(c *Case) bool { return c.websocket && versionedToken(c).Version != "" },
	Judge: func(c *Case) Result {
		res := RefuseSwitch(c)
		if c.switched && versionedToken(c).Version == "13" {
			return res.as(Warn)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		m := versionedToken(c)
		return seen([]Span{{InRequest, m.Span.From, m.Span.To}}, quote(m.String()))
	},
	Probes: []Probe{
		{ID: "UPGRADE-TOKEN-VERSION", Class: Either, Label: "Upgrade: websocket/13", Want: "Any response except 101 is best; a 101 is a warning",
			Edit: Set("Upgrade", "websocket/13")},
	},
})

// lacksVersion reports whether the request has no WebSocket version at all.
func lacksVersion(c *Case) bool {
	for v := range c.X.Request.Values(versionField) {
		if v.Len() > 0 {
			return false
		}
	}
	return true
}

// malformedVersion returns the first non-empty value of Sec-WebSocket-Version that is not a
// version; empty if there is none.
func malformedVersion(c *Case) wire.Span {
	q := c.X.Request
	for v := range q.Values(versionField) {
		if v.Len() > 0 && !isVersion(q.Text(v)) {
			return v
		}
	}
	return wire.Span{}
}

// versionedToken returns the element that offers WebSocket with a version, if the request offers it
// in no other way.
func versionedToken(c *Case) (found wire.Protocol) {
	for _, m := range c.offered {
		switch {
		case m.Is("websocket") && m.Version == "":
			return wire.Protocol{}
		case m.Is("websocket") && found.Name == "":
			found = m
		}
	}
	return found
}
