package rules

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-BARE-LF", Level: Advice, Party: Client,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A client ends every line of an upgrade request with CRLF",
	Problem: Problems{
		Switched: "Client ended %s with a bare LF; the server accepted the upgrade",
		Refused:  "Client ended %s with a bare LF instead of CRLF",
	},
	Label: "Bare LF in request",
	Refs: []Ref{
		{"9112", "2.2", "a line ends with CRLF; a recipient may accept a single LF as a line end"},
	},
	Why: `Servers may be lenient here. Strict ones often wait for a CRLF that never arrives,
and the handshake hangs. If a proxy is strict and the server lenient, or the other way round, they
see different lines. Such requests are typed by hand, or come from programs that write \n as line
end. Servers do it too: Node.js rejects such a response, a client that waits for CRLF waits
forever, and Go, Python and Chromium accept it.`,
	Fix:   `Write CRLF at the end of each line. In a server, answer 400 to a bare LF.`,
	needs: needsFlaw,
	When:  func(c *Case) bool { return c.flawed(wire.FlawBareLF) || responseFlawed(c, wire.FlawBareLF) },
	Judge: func(c *Case) Result {
		if c.flawed(wire.FlawBareLF) {
			return tolerated(c)
		}
		return judgeResponseFlaw(c, Low)
	},
	Show: func(c *Case, _ Result) Shown {
		at, text := requestFlawBytes(c, wire.FlawBareLF), ""
		if len(at) == 0 {
			at, text = flawBytes(InResponse, &c.X.Response.Head, wire.FlawBareLF), "Server ended %s of its response with a bare LF"
		}
		lines := "one line"
		if len(at) > 1 {
			lines = fmt.Sprintf("%d lines", len(at))
		}
		return says(text, at, lines)
	},
	Probes: []Probe{
		{ID: "UPGRADE-BARE-LF", Class: Either, Label: "All lines end in a bare LF", Edit: bareLF},
		{ID: "UPGRADE-BARE-LF-ONE", Class: Either, Label: "One line ends in a bare LF",
			Edit: Ending("Connection", "\nX-A: b\r\n")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-BARE-CR", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "A server never treats a CR without LF as the end of a header line",
	Problem: Problems{
		Switched: "Server accepted an upgrade request with a bare CR in %s",
		Refused:  "Client sent an upgrade request with a bare CR in %s",
	},
	Label: "Bare CR accepted",
	Refs: []Ref{
		{"9112", "2.2", "a client sends no CR without LF; a server treats one as an error, or as a space, but never as a line end"},
	},
	Why: `A parser that takes the CR for a line end sees two headers, all others see one with
an unusual value. This hides Connection or Upgrade in the value of some other header: proxies
forward it unread, and the server finds an offer. If the CR is in a header that has nothing to do
with the upgrade, and the server read a space there, only the client is at fault.`,
	Fix: `Answer 400 to a CR without LF anywhere in the request line and headers.
Servers whose parser accepts it (gobwas/ws ws.Upgrader, libwebsockets, websocketpp): put nginx,
	HAProxy or Caddy in front.`,
	needs: needsFlaw,
	When:  func(c *Case) bool { return len(c.X.Request.Flaws) > 0 && len(bareCRs(c)) > 0 && c.asks() },
	Judge: func(c *Case) Result {
		h := &c.X.Request.Head
		if slices.ContainsFunc(bareCRs(c), func(s Span) bool { return decides(h, s.From) }) {
			return RefuseSwitch(c)
		}
		return tolerated(c).rated(Medium)
	},
	Show: func(c *Case, _ Result) Shown {
		at := bareCRs(c)
		return seen(at, placeOf(&c.X.Request.Head, at[0].From))
	},
	Probes: []Probe{
		{ID: "UPGRADE-BARE-CR", Label: "Connection hidden after a bare CR", Also: []string{"UPGRADE-MISSING-CONN"},
			Edit: Rename("Connection", "X-A: b\rConnection")},
		{ID: "UPGRADE-BARE-CR-UPGRADE", Label: "Bare CR after Upgrade: websocket", Also: []string{"UPGRADE-SYNTAX", "UPGRADE-UNKNOWN"},
			Edit: Set("Upgrade", "websocket\rx")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-CTL", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "A server rejects an upgrade request with a control character in a header value",
	Problem: Problems{
		Switched: "Server accepted an upgrade request with the byte %s in %s",
		Refused:  "Client sent the byte %s in %s of an upgrade request",
	},
	Label: "Control character in header",
	Refs: []Ref{
		{"9110", "5.5", "CR, LF and NUL in a value are dangerous: a server rejects the request, or replaces them with spaces; other control characters are invalid too"},
	},
	Why: `Code written in C ends a string at a NUL: "Upgrade" followed by a NUL, and by
anything else, is the option upgrade there and an unknown word elsewhere. A server that switches
on it has read something that no one else has; then the rule is critical. One parser trims other
control characters as whitespace and the next keeps them, so that a version is 13 for one and
invalid for the other. Control characters also show that outside text is written into headers
unchecked, as undici did with line ends (CVE-2026-1527).`,
	Fix: `Answer 400 to a header value with a byte below 0x20 other than tab, or with 0x7f.
In a client, check values from outside before you write them.`,
	needs: needsFlaw,
	When:  func(c *Case) bool { return c.flawed(wire.FlawControl) },
	Judge: func(c *Case) Result {
		h := &c.X.Request.Head
		worst, inOffer := Medium, false
		for _, s := range requestFlawBytes(c, wire.FlawControl) {
			if makesOffer(fieldBefore(h, s.From)) {
				inOffer = true
				if h.Raw[s.From] == 0 {
					worst = Critical
				}
			}
		}
		judge := tolerated
		if inOffer {
			judge = RefuseSwitch
		}
		if c.switched {
			return judge(c).rated(worst)
		}
		return judge(c)
	},
	Show: func(c *Case, _ Result) Shown {
		h := &c.X.Request.Head
		at := requestFlawBytes(c, wire.FlawControl)
		return seen(at, fmt.Sprintf("%#02x", h.Raw[at[0].From]), placeOf(h, at[0].From))
	},
	Probes: []Probe{
		{ID: "UPGRADE-NUL-CONN", Label: "Connection: Upgrade + NUL byte", Also: []string{"UPGRADE-CONN-SYNTAX", "UPGRADE-MISSING-CONN"},
			Edit: Set("Connection", "Upgrade\x00")},
		{ID: "UPGRADE-NUL-UPGRADE", Label: "Upgrade: web + NUL byte + socket", Also: []string{"UPGRADE-SYNTAX", "UPGRADE-UNKNOWN"},
			Edit: Set("Upgrade", "web\x00socket")},
		{ID: "UPGRADE-NUL-UPGRADE-END", Label: "Upgrade: websocket + NUL byte", Also: []string{"UPGRADE-SYNTAX", "UPGRADE-UNKNOWN"},
			Edit: Set("Upgrade", "websocket\x00")},
		{ID: "UPGRADE-CTL-VER", Label: "Sec-WebSocket-Version: 13 + vertical tab", Also: []string{"UPGRADE-WS-VER-SYNTAX"},
			Edit: Set(versionField, "13\x0b")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-UNDERSCORE", Level: Should, Party: Client,
	Severity: Severities{Refused: Low, Switched: Critical}, Since: "0.1",
	Title: "A server does not treat a header name with underscores as the same name with hyphens",
	Problem: Problems{
		Switched: "Server accepted a handshake that has a required header only as %s",
		Refused:  "Client sent the header %s, which some gateways read as one with hyphens",
	},
	Label: "Underscore header accepted",
	Refs: []Ref{
		{"9110", "16.3.2.1", "header names consist of letters, digits and hyphens"},
		{"9110", "17.10", "gateways turn hyphens into underscores, so that two different headers become one variable"},
	},
	Why: `Sec_WebSocket_Key is not Sec-WebSocket-Key, until a CGI or WSGI gateway turns both
into HTTP_SEC_WEBSOCKET_KEY. A proxy that filters by name lets the underscores through, and the
program behind the gateway finds a handshake. If the server needed such a header to switch, it
accepted an offer that no one else could see; otherwise only the client sent an unusual name.`,
	Fix: `Drop headers with underscores in front of a gateway that mixes them up.
nginx: underscores_in_headers off, which is the default. Apache httpd drops them for CGI by
	itself.` + guard,
	When: func(c *Case) bool { return aliasedField(c) != (wire.Field{}) && c.asks() },
	Judge: func(c *Case) Result {
		if neededAlias(c) {
			return RefuseSwitch(c)
		}
		return tolerated(c).rated(Low)
	},
	Show: func(c *Case, _ Result) Shown {
		f := aliasedField(c)
		return seen([]Span{{InRequest, f.Name.From, f.Name.To}}, quote(c.X.Request.Text(f.Name)))
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-KEY-UNDERSCORE", Label: "Sec_WebSocket_Key instead of the key", Also: []string{"UPGRADE-WS-KEY-MISSING"},
			Edit: Rename(keyField, "Sec_WebSocket_Key")},
		{ID: "UPGRADE-UNDERSCORE-ALL", Label: "Sec_WebSocket_Key and Sec_WebSocket_Version", Also: []string{"UPGRADE-WS-KEY-MISSING", "UPGRADE-WS-VER-MISSING"},
			Edit: Edits(Rename(keyField, "Sec_WebSocket_Key"), Rename(versionField, "Sec_WebSocket_Version"))},
		{ID: "UPGRADE-UNDERSCORE-UPGRADE", Label: "Upgrade_ instead of Upgrade", Also: []string{"UPGRADE-101-UNSOLICITED", "UPGRADE-WS-KEY-STRAY"},
			Edit: Rename("Upgrade", "Upgrade_")},
	},
})

// requestFlawBytes returns the bytes that the flaws of one kind are about.
func requestFlawBytes(c *Case, kind wire.FlawKind) []Span {
	return flawBytes(InRequest, &c.X.Request.Head, kind)
}

func flawBytes(part Part, h *wire.Head, kind wire.FlawKind) []Span {
	at := slices.DeleteFunc(flawsOf(part, h, kind), func(s Span) bool { return s.From == len(h.Raw) })
	for i := range at {
		at[i].To = at[i].From + 1
	}
	return at
}

// bareCRs returns the CRs that no LF follows. If a CR is the last byte of a head that was cut off,
// an LF may have followed.
func bareCRs(c *Case) []Span {
	last := len(c.X.Request.Raw) - 1
	return slices.DeleteFunc(requestFlawBytes(c, wire.FlawBareCR), func(s Span) bool { return c.headCut && s.From == last })
}

// aliasedField returns the first header whose name becomes that of a handshake header when
// underscores are read as hyphens.
func aliasedField(c *Case) wire.Field {
	h := &c.X.Request.Head
	for _, f := range h.Fields {
		if name := h.Text(f.Name); bytes.IndexByte(name, '_') >= 0 && makesOffer(hyphened(name)) {
			return f
		}
	}
	return wire.Field{}
}

// neededAlias reports whether the handshake has a required header only with underscores.
func neededAlias(c *Case) bool {
	h := &c.X.Request.Head
	if c.headCut {
		return false
	}
	for _, f := range h.Fields {
		name := h.Text(f.Name)
		if bytes.IndexByte(name, '_') < 0 {
			continue
		}
		for _, needed := range [...]string{"Upgrade", "Connection", keyField, versionField, "HTTP2-Settings"} {
			if wire.EqualFold(hyphened(name), needed) && !h.Has(needed) {
				return true
			}
		}
	}
	return false
}

// hyphened is a name as gateways read it that make hyphens of underscores; those at its ends are
// dropped by some.
func hyphened(name []byte) []byte {
	return bytes.ReplaceAll(bytes.Trim(name, "_"), []byte("_"), []byte("-"))
}

// bareLF ends every line of a handshake in an LF alone.
func bareLF(h *Handshake) {
	h.End, h.Finish = "\n", "\n"
	for i := range h.Lines {
		h.Lines[i].End = "\n"
	}
}

// placeOf names the header that an offset in a head belongs to, or the start line.
func placeOf(h *wire.Head, offset int) string {
	if name := fieldBefore(h, offset); len(name) > 0 {
		return "the " + quote(name) + " header"
	}
	if isHTTPName(h.Text(h.Start)) {
		return "the status line"
	}
	return "the request line"
}
