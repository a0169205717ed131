package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-WS-LEGACY", Level: Advice, Party: Client,
	Severity: Severities{Refused: Info, Switched: High}, Since: "0.1",
	Title: "A server rejects WebSocket handshakes from before RFC 6455",
	Problem: Problems{
		Switched: "Server accepted a WebSocket handshake with the pre-RFC header %s",
		Refused:  "Client sent a WebSocket handshake with the pre-RFC header %s",
	},
	Label: "Pre-RFC 6455 handshake",
	Refs: []Ref{
		{"6455", "4.2.1", "a handshake has Sec-WebSocket-Key and version 13; a server stops processing one that is not as the RFC describes it"},
		{"6455", "10.3", "client frames are masked so that a proxy cannot be made to read them as requests"},
	},
	Why: `The first drafts had two keys with numbers hidden among letters, eight bytes of a
body that no header announces, and frames without a mask. A page could make a browser write bytes
of its choice on a connection that a proxy took for HTTP, and so poison the proxy's cache: that is
why browsers dropped the drafts and why RFC 6455 has masks. The eight bytes are also a body
without a length: a proxy reads them as the start of the next request. Servers that still support
a draft are found in devices and old frameworks. A header of a draft in an otherwise valid
handshake is reported as information only.`,
	Fix: `Accept handshakes with Sec-WebSocket-Key and version 13 only, and answer 400 to
	others; no browser of the last ten years needs the drafts.`,
	When: func(c *Case) bool { return c.websocket && !c.headCut && legacyField(&c.X.Request.Head).Len() > 0 },
	Judge: func(c *Case) Result {
		res := RefuseSwitch(c)
		if q := c.X.Request; c.switched && q.Has(keyField) && q.Has(versionField) {
			return res.as(Warn).rated(Info)
		}
		return res
	},
	Show: func(c *Case, r Result) Shown {
		q := &c.X.Request.Head
		name := q.Text(legacyField(q))
		at, text := fieldSpans(InRequest, q, string(name)), ""
		if c.switched && r.Verdict == Warn {
			text = "Server accepted a handshake that also has the pre-RFC header %s"
		}
		return says(text, at, quote(name))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-CLEARTEXT", Level: Should, Party: Client,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A client sends credentials in a WebSocket handshake only over TLS",
	Problem: Problems{
		Switched: "Client sent credentials in a WebSocket handshake over plain text (X-Forwarded-Proto: %s); the server accepted it",
		Refused:  "Client sent credentials in a WebSocket handshake over plain text (X-Forwarded-Proto: %s)",
	},
	Label: "Credentials in plain text",
	Refs: []Ref{
		{"6455", "10.6", "implementations use TLS between client and server"},
	},
	Why: `Everyone on the path can read cookies and Authorization, and all messages after the
handshake. Proxies that do not support WebSocket also break such connections in ways that TLS
hides from them. A plain-text request at a backend proves nothing, since TLS may be terminated in
front of it. This rule uses what is known about the client's connection: X-Forwarded-Proto, TLS at
Interlock itself, or an https page in Origin; without any of them it does not apply.`,
	Fix: `Use wss:// and let the front proxy redirect or reject handshakes over http; mark
	cookies Secure.
nginx, in front: return 301 https://... for the plain-text listener, and X-Forwarded-Proto set to
	$scheme.`,
	When: func(c *Case) bool {
		q := c.X.Request
		return c.websocket && (q.Has("Cookie") || q.Has("Authorization")) &&
			(outerScheme(c) != unknownCarriage || hasSecureOrigin(c))
	},
	Judge: func(c *Case) Result {
		switch {
		case outerScheme(c) != cleartext:
			return c.result(Pass)
		case c.switched:
			return c.result(Fail)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("X-Forwarded-Proto", "Cookie", "Authorization"), requestValues(c, "X-Forwarded-Proto"))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-SERVER-FIELD", Level: Must, Party: Client,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A client sends no Sec-WebSocket-Accept header in a handshake",
	Problem: Problems{
		Switched: "Client sent the response header Sec-WebSocket-Accept in a handshake: %s; the server switched",
		Refused:  "Client sent the response header Sec-WebSocket-Accept in a handshake: %s",
	},
	Label: "Response header in request",
	Refs: []Ref{
		{"9110", "2.2", "a sender does not generate what only the other role may send"},
		{"6455", "11.3.3", "Sec-WebSocket-Accept is sent from the server to the client"},
	},
	Why: `Sec-WebSocket-Accept in a request is a mistake of a hand-written client, or of a
gateway that copies headers in the wrong direction. By itself it is harmless. But if a server or
proxy copies the headers of the request into its response, the value comes back and proves
nothing.`,
	Fix: `Omit the header from requests, and never copy the headers of a request into a
	response.`,
	When: func(c *Case) bool { return c.websocket && c.X.Request.Has(acceptField) },
	Judge: func(c *Case) Result { // a server may ignore the header, so it is not at fault if it switches
		if c.probed() {
			return c.result(Pass).by(Server)
		}
		return c.result(Warn)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(acceptField), requestValues(c, acceptField))
	},
})

// legacyField returns the name of the first header that only handshakes from before RFC 6455 have;
// empty if there is none.
func legacyField(h *wire.Head) wire.Span {
	for _, f := range h.Fields {
		name := h.Text(f.Name)
		for _, old := range [...]string{
			"Sec-WebSocket-Key1", "Sec-WebSocket-Key2", "Sec-WebSocket-Draft", "Sec-WebSocket-Origin", "WebSocket-Protocol",
		} {
			if wire.EqualFold(name, old) {
				return f.Name
			}
		}
	}
	return wire.Span{}
}

// hasSecureOrigin reports whether a page loaded over TLS opened the handshake. Browsers do not let
// such a page open a plain-text connection.
func hasSecureOrigin(c *Case) bool {
	scheme, _, found := bytes.Cut(first(&c.X.Request.Head, originField), []byte("://"))
	return found && wire.EqualFold(scheme, "https")
}
