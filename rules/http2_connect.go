package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-H2-NOT-OFFERED", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Medium}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client sends an extended CONNECT only after the server has offered it",
	Problem: Problems{
		Switched: "Server accepted an extended CONNECT that its SETTINGS do not offer",
		Refused:  "Client sent an extended CONNECT that the server's SETTINGS do not offer",
	},
	Label: "Extended CONNECT not offered",
	Refs: []Ref{
		{"8441", "3", "a client sends :protocol only after SETTINGS_ENABLE_CONNECT_PROTOCOL with the value 1"},
		{"9113", "5.5", "an extension that changes meanings is not used before the peer has agreed"},
	},
	Why: `A server that does not know the extension reads the request as a plain CONNECT, and
its :authority as a host to connect to. One that opens the tunnel all the same tells no client that
it can, and browsers open a second connection in HTTP/1.1.`,
	Fix: `In a server that has WebSockets over HTTP/2, send SETTINGS_ENABLE_CONNECT_PROTOCOL=1 in
	the first SETTINGS frame; in any other, reset such a stream. In a client, wait for the server's
	SETTINGS.`,
	When: func(c *Case) bool { return extended(c) && c.X.Stream != nil && c.X.Stream.Offered != "" },
	Judge: func(c *Case) Result {
		return refuseUnless(c, c.X.Stream.Offered == wire.OfferYes)
	},
	Show: func(c *Case, _ Result) Shown { return seen(c.inRequest(":method", ":protocol")) },
	Probes: []Probe{{
		ID: "UPGRADE-H2-NO-OFFER", Class: Refuse400, Want: wantReset, Control: HTTP2Plain, Unoffered: true,
		Label: "Extended CONNECT that the server does not offer", Edit: Extended(),
	}},
})

var _ = register(Rule{
	ID: "UPGRADE-H2-METHOD", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Medium}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client sends :protocol only with the method CONNECT",
	Problem: Problems{
		Switched: "Server accepted a request with :protocol and the method %s",
		Refused:  "Client sent :protocol with the method %s",
	},
	Label: ":protocol without CONNECT",
	Refs: []Ref{
		{"8441", "4", ":protocol changes the meaning of CONNECT, and of no other method"},
		{"9113", "8.3", "a pseudo-header where it is not defined makes the request malformed"},
	},
	Why: `One hop sees a WebSocket, the next an ordinary request. Rules about one of them do not
hold for the other.`,
	Fix:  `Reset the stream with PROTOCOL_ERROR, or answer 400.`,
	When: func(c *Case) bool { return c.X.Request.Has(":protocol") && !c.headCut },
	Judge: func(c *Case) Result {
		res := refuseUnless(c, c.X.Request.Method == "CONNECT")
		if res.Verdict != Pass && c.status()/100 == 2 {
			return c.result(Fail).by(Server).rated(Medium)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		text := Problems{}
		if c.status()/100 == 2 {
			text.Refused = c.rule.Problem.Switched
		}
		return varies(text, c.inRequest(":method", ":protocol"), quote(c.X.Request.Method))
	},
	Probes: []Probe{
		malformed2("UPGRADE-H2-METHOD-GET", "GET with :protocol, and END_STREAM", Field(":method", "GET"), Ended(true)),
		malformed2("UPGRADE-H2-METHOD-GET-OPEN", "GET with :protocol", Field(":method", "GET")),
		malformed2("UPGRADE-H2-METHOD-POST", "POST with :protocol", Field(":method", "POST")),
		malformed2("UPGRADE-H2-METHOD-LOWER", "connect in lower case", Field(":method", "connect")),
	},
})

var _ = register(Rule{
	ID: "UPGRADE-H2-PSEUDO", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: High}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A client sends :method, :scheme, :authority and :path in an extended CONNECT, each once and first",
	Problem: Problems{
		Switched: "Server accepted an extended CONNECT in which %s",
		Refused:  "Client sent an extended CONNECT in which %s",
	},
	Label: "Pseudo-headers of extended CONNECT",
	Refs: []Ref{
		{"8441", "4", "with :protocol a request has :scheme and :path"},
		{"9113", "8.3", "pseudo-headers come first, each once, and none that is not defined"},
		{"9113", "8.3.1", "a request names its authority, and a path that begins with a slash"},
	},
	Why: `Each hop fills in what is missing in its own manner, and of two values each takes
another one. The proxy decides by one path or host, and the server opens the tunnel at the other.`,
	Fix:   `Reset the stream with PROTOCOL_ERROR, or answer 400.`,
	When:  func(c *Case) bool { return extended(c) && !c.headCut },
	Judge: func(c *Case) Result { return refuseUnless(c, pseudoFault(c) == "") },
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(":method", ":protocol", ":scheme", ":authority", ":path"), pseudoFault(c))
	},
	Probes: []Probe{
		malformed2("UPGRADE-H2-NO-SCHEME", "No :scheme", NoField(":scheme")),
		malformed2("UPGRADE-H2-NO-PATH", "No :path", NoField(":path")),
		malformed2("UPGRADE-H2-NO-SCHEME-PATH", "Neither :scheme nor :path", NoField(":scheme", ":path")),
		malformed2("UPGRADE-H2-NO-AUTHORITY", "No :authority", NoField(":authority")),
		either2("UPGRADE-H2-NO-AUTHORITY-HOST", "Host in place of :authority", NoField(":authority"), FieldTo("host", (*Handshake).authority)),
		malformed2("UPGRADE-H2-PATH-EMPTY", "Empty :path", Field(":path", "")),
		malformed2("UPGRADE-H2-PATH-NOSLASH", ":path without a slash", Field(":path", "ws")),
		malformed2("UPGRADE-H2-PATH-ABSOLUTE", ":path that is an absolute URL", Field(":path", "http://absolute.invalid/ws")),
		malformed2("UPGRADE-H2-PATH-SPACE", "Space and HTTP/1.1 in :path", Field(":path", "/ws HTTP/1.1 x")),
		malformed2("UPGRADE-H2-PATH-CRLF", "CR LF and a header in :path", Field(":path", "/ws\r\nx-il-smuggled: 1")).breaking("UPGRADE-H2-FIELD-SYNTAX"),
		refused2("UPGRADE-H2-PATH-ASTERISK", ":path: *", Field(":path", "*")),
		malformed2("UPGRADE-H2-PSEUDO-ORDER", ":protocol after all headers", NoField(":protocol"), FieldAlso(":protocol", "websocket")),
		malformed2("UPGRADE-H2-PSEUDO-UNKNOWN", "Unknown pseudo-header :interlock", FieldAfter(":authority", ":interlock", "1")),
		malformed2("UPGRADE-H2-PSEUDO-STATUS", ":status in a request", FieldAfter(":authority", ":status", "101")),
		malformed2("UPGRADE-H2-AUTHORITY-DUP", "Two :authority", FieldAfter(":authority", ":authority", "other.invalid")),
		malformed2("UPGRADE-H2-PROTO-DUP", ":protocol sent twice", FieldAfter(":protocol", ":protocol", "websocket")),
		malformed2("UPGRADE-H2-PROTO-DIFF", "Two :protocol: connect-udp, then websocket", FieldBefore(":protocol", ":protocol", "connect-udp")),
		malformed2("UPGRADE-H2-PROTO-DIFF2", "Two :protocol: websocket, then connect-udp", FieldAfter(":protocol", ":protocol", "connect-udp")),
		malformed2("UPGRADE-H2-METHOD-DUP", "Two :method: CONNECT, then GET", FieldAfter(":method", ":method", "GET")),
	},
})

// pseudoFault says what is wrong with the pseudo-headers of an extended CONNECT; empty if nothing is. An
// authority may be in Host instead (RFC 9113 §8.3.1).
func pseudoFault(c *Case) string {
	h, regular := &c.X.Request.Head, false
	defined := []string{":method", ":protocol", ":scheme", ":authority", ":path"}
	for _, f := range h.Fields {
		name := h.Text(f.Name)
		switch pseudo := len(name) > 0 && name[0] == ':'; {
		case !pseudo:
			regular = true
		case regular:
			return string(name) + " comes after other headers"
		case !slices.Contains(defined, string(name)):
			return quote(string(name)) + " is not defined"
		}
	}
	for _, name := range defined {
		switch n := h.Count(name); {
		case n > 1:
			return name + " comes more than once"
		case n == 0 && !(name == ":authority" && h.Has("Host")):
			return name + " is missing"
		case n == 1 && name != ":authority" && len(first(h, name)) == 0:
			return name + " is empty"
		}
	}
	return pathFault(first(h, ":path"))
}

// pathFault says what is wrong with the path of an extended CONNECT; empty if nothing is.
func pathFault(path []byte) string {
	switch {
	case path[0] != '/':
		return ":path does not begin with a slash"
	case slices.ContainsFunc(path, func(b byte) bool { return b <= ' ' || b == 0x7f }):
		return ":path has white space or a control character"
	}
	return ""
}
