package rules

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire/h2"
)

var _ = register(Rule{
	ID: "UPGRADE-H2-INTEROP", Level: Advice, Party: Server,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Versions: HTTP2,
	Title:    "A server accepts a valid WebSocket over HTTP/2 in every form that clients send",
	Problem: Problems{
		Refused: "Server did not accept a valid extended CONNECT: %s",
	},
	Label: "Valid extended CONNECT not accepted",
	Refs: []Ref{
		{"8441", "5", "the handshake is that of RFC 6455, with pseudo-headers in place of the request line and the headers about the connection"},
		{"9113", "4.3", "the headers of a request may be cut at any place into HEADERS and CONTINUATION"},
		{"9113", "8.2.2", "TE is allowed in HTTP/2 if its value is trailers"},
	},
	Why: `Browsers, proxies and libraries write the same request in different ways: with many
headers of their own, with TE: trailers, or cut into several frames. A server that rejects one of
them cuts off some of its users, who see a connection that fails for no reason: once a browser has
seen the offer of WebSockets over HTTP/2, it does not fall back to HTTP/1.1.`,
	Fix: `Read the request with a maintained HTTP/2 library, and let only the checks of the
	handshake decide.`,
	When:  func(c *Case) bool { return c.brings("UPGRADE-H2-INTEROP") },
	Judge: RefuseSwitch,
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest(":method", ":protocol"), c.probe.Label)
	},
	Probes: []Probe{
		{ID: "CTRL-H2-GET", Class: Alive, Control: HTTP2Plain, Label: "Plain GET in HTTP/2", Edit: Plain2()},
		{ID: "CTRL-H2-GET-WS", Class: Alive, Control: HTTP2Plain, Label: "GET in HTTP/2 with Sec-WebSocket-Key and -Version",
			Want: "Any HTTP response except 101 and 5xx", Edit: Edits(Plain2(), keyLines())},
		{ID: "CTRL-H2-WS", Class: Accept, Control: HTTP2WebSocket, Label: "Valid WebSocket over HTTP/2", Want: accept2, Edit: Extended()},
		{ID: "CTRL-H2-END", Class: Accept, Control: HTTP2WebSocket, Label: "Valid WebSocket over HTTP/2 (end of run)", Want: accept2, Edit: Extended()},
		{ID: "CTRL-H2-WS-CHROME", Class: Accept, Control: HTTP2WebSocket, Label: "The headers that Chromium sends", Want: accept2,
			Edit: Edits(Extended(), FieldAlso("pragma", "no-cache"), FieldAlso("cache-control", "no-cache"), FieldAlso("accept-encoding", "gzip, deflate, br, zstd"),
				FieldAlso("accept-language", "en-US,en;q=0.9"), FieldAlso("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"))},
		{ID: "CTRL-H2-TE-TRAILERS", Class: Accept, Control: HTTP2WebSocket, Label: "te: trailers", Want: accept2, Edit: Edits(Extended(), FieldAlso("te", "trailers"))},
		{ID: "CTRL-H2-LONG", Class: Accept, Control: HTTP2WebSocket, Label: "A header of 2 KiB", Want: accept2, Edit: Edits(Extended(), longField())},
		{ID: "CTRL-H2-CONTINUATION", Class: Accept, Control: HTTP2WebSocket, Label: "Headers cut into HEADERS and CONTINUATION", Want: accept2,
			Edit: Edits(Extended(), longField(), CutAt(512))},
		accepted2("CTRL-H2-SUBPROTO", "Sec-WebSocket-Protocol in HTTP/2", in2(func(h *Handshake, _ *Streamed) {
			if h.find(protocolField) == len(h.Lines) {
				FieldAlso("sec-websocket-protocol", "chat, superchat")(h)
			}
		})),
		accepted2("CTRL-H2-EXT-UNKNOWN", "An unknown extension in HTTP/2", FieldAlso("sec-websocket-extensions", "x-interlock-unknown")),
		accepted2("UPGRADE-H2-HOST-SAME", "Host beside :authority, and the same", FieldTo("host", (*Handshake).authority)),
		accepted2("UPGRADE-H2-SET-CLIENT-1", "SETTINGS_ENABLE_CONNECT_PROTOCOL=1 of the client", ClientSettings([]h2.Setting{{ID: connectSetting, Value: 1}})),
		accepted2("UPGRADE-H2-COOKIE-CRUMBS", "Two Cookie headers", crumbs()),
		either2("UPGRADE-H2-SET-EARLY", "Extended CONNECT before the server's SETTINGS", Hurried()),
		either2("UPGRADE-H2-PROTO-CASE", ":protocol: WebSocket", Field(":protocol", "WebSocket")),
	},
})

// accept2 is what is expected of a valid extended CONNECT.
const accept2 = "200, and a tunnel"

// keyLines adds the headers of the handshake of HTTP/1.1 that mean nothing in HTTP/2.
func keyLines() Edit {
	return Edits(FieldTo("sec-websocket-key", func(h *Handshake) string { return h.Key }), Field("sec-websocket-version", "13"))
}

func longField() Edit { return FieldAlso("x-padding", strings.Repeat("interlock ", 204)+"interlock") }

// crumbs puts another Cookie header before those of the request, or sends two.
func crumbs() Edit {
	return in2(func(_ *Handshake, s *Streamed) {
		i := s.find("cookie")
		if i == len(s.Fields) {
			s.Fields = append(s.Fields, h2.Field{Name: "cookie", Value: "b=2"})
		}
		s.Fields = slices.Insert(s.Fields, i, h2.Field{Name: "cookie", Value: "a=1"})
	})
}
