package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

const protocolField = "Sec-WebSocket-Protocol"

var _ = register(Rule{
	ID: "UPGRADE-WS-PROTO-SYNTAX", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Medium}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client offers subprotocols as tokens, and a server rejects a malformed list",
	Problem: Problems{
		Switched: "Server accepted a handshake with a malformed subprotocol in %s",
		Refused:  "Client offered a malformed subprotocol in %s",
	},
	Label: "Malformed subprotocol accepted",
	Refs: []Ref{
		{"6455", "4.1", "Sec-WebSocket-Protocol is a list of at least one subprotocol; each is a non-empty token"},
		{"6455", "4.2.1", "a server stops processing a handshake that does not match the grammar"},
	},
	Why: `The server copies one of the names into its response, and often into a log, a path
or the name of a class. A name with a slash, a quotation mark or a space does not come from a
browser's WebSocket API, which refuses to send one: it is a credential that someone put there in
standard base64, or an attack on whatever reads the name. An invalid name has ended the process of
WebSocket-Node. Most servers skip empty elements; those are a warning only.`,
	Fix: `Reject with 400 unless each element is a token.
Clients that send a credential in this header: encode it as base64url without padding, as kubectl
	does.`,
	needs: needsSubprotocol,
	When: func(c *Case) bool {
		if !c.websocket || c.headCut {
			return false
		}
		_, _, broken := malformedSubprotocol(&c.X.Request.Head)
		return broken
	},
	Judge: func(c *Case) Result {
		res := RefuseSwitch(c)
		if _, empty, _ := malformedSubprotocol(&c.X.Request.Head); c.switched && empty {
			if !c.probed() {
				res = res.by(Client)
			}
			return res.as(Warn).rated(Low)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		v, empty, _ := malformedSubprotocol(&c.X.Request.Head)
		list := quoteSubprotocols(c, &c.X.Request.Head)
		if empty {
			return varies(Problems{
				Switched: "Server accepted a handshake with an empty element in Sec-WebSocket-Protocol: %s",
				Refused:  "Client sent an empty element in Sec-WebSocket-Protocol: %s",
			}, c.inRequest(protocolField), list)
		}
		return seen([]Span{{InRequest, v.From, v.To}}, list)
	},
	Probes: []Probe{
		{ID: "UPGRADE-WS-PROTO-EMPTY", Soft: true, Label: "Empty Sec-WebSocket-Protocol",
			Edit: Set(protocolField, "")},
		soft2("UPGRADE-H2-SUBPROTO-BAD", "Sec-WebSocket-Protocol: a/b in HTTP/2", Field("sec-websocket-protocol", "a/b")),
		{ID: "UPGRADE-WS-PROTO-BAD", Soft: true, Risk: Crash, Label: "Sec-WebSocket-Protocol: a/b",
			Edit: Set(protocolField, "a/b")},
		{ID: "UPGRADE-WS-PROTO-REDOS", Soft: true, Risk: Crash, Label: "Thousands of blanks in a subprotocol", Want: "400 (other 4xx pass), at once; a 101 is a warning: the server may repair it",
			Edit: blanks(56 << 10), Sized: blanks, Sizes: blankSizes()},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-WS-PROTO-DUPVAL", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Versions: AnyVersion,
	Title:    "A client offers each WebSocket subprotocol once, and a server rejects a list with duplicates",
	Problem: Problems{
		Switched: "Server accepted a handshake that offers a subprotocol twice: %s",
		Refused:  "Client offered a subprotocol twice: %s",
	},
	Label: "Duplicate subprotocol",
	Refs: []Ref{
		{"6455", "4.1", "the subprotocols of a handshake are all different"},
		{"6455", "4.2.1", "a server stops processing a handshake that is not as the RFC describes it"},
	},
	Why: `Browsers do not send such a list: their WebSocket API throws a SyntaxError. If one
arrives, a library assembled it from two settings, or a proxy added its configured subprotocol to
the client's. It does little harm, but a strict server rejects what a lenient one accepts, so the
same client works here and fails there.`,
	Fix:   `In a client, offer each subprotocol once; in a server, answer 400.`,
	needs: needsSubprotocol,
	When: func(c *Case) bool {
		return c.websocket && !c.headCut && repeatedSubprotocol(&c.X.Request.Head).Len() > 0
	},
	Show: func(c *Case, _ Result) Shown {
		v := repeatedSubprotocol(&c.X.Request.Head)
		return seen([]Span{{InRequest, v.From, v.To}}, quoteSubprotocols(c, &c.X.Request.Head))
	},
	Probes: []Probe{
		soft2("UPGRADE-H2-SUBPROTO-DUP", "Sec-WebSocket-Protocol: chat, chat in HTTP/2", Field("sec-websocket-protocol", "chat, chat")),
		{ID: "UPGRADE-WS-PROTO-DUPVAL", Soft: true, Label: "Sec-WebSocket-Protocol: chat, chat",
			Edit: Set(protocolField, "chat, chat")},
	},
})

// malformedSubprotocol returns the first element of Sec-WebSocket-Protocol that is not a token. If
// the only fault is an empty element, empty is set.
func malformedSubprotocol(h *wire.Head) (at wire.Span, empty, broken bool) {
	for v := range h.Values(protocolField) {
		rest, more := h.Text(v), true
		for more {
			var element []byte
			element, rest, more = bytes.Cut(rest, []byte(","))
			empty = empty || len(bytes.Trim(element, " \t\r\n")) == 0
		}
	}
	for e := range h.Elements(protocolField) {
		if text := bytes.Trim(h.Text(e), " \t\r\n"); !wire.IsToken(text) && len(text) > 0 {
			return e, false, true
		}
	}
	return wire.Span{}, empty, empty
}

// repeatedSubprotocol returns the first element of Sec-WebSocket-Protocol that repeats an earlier
// one; empty if there is none.
func repeatedSubprotocol(h *wire.Head) wire.Span {
	var one wire.Span
	var seen map[string]bool // from the second element on
	for e := range h.Elements(protocolField) {
		switch {
		case one.Len() == 0:
			one = e
			continue
		case seen == nil:
			seen = map[string]bool{string(h.Text(one)): true}
		}
		if seen[string(h.Text(e))] {
			return e
		}
		seen[string(h.Text(e))] = true
	}
	return wire.Span{}
}

// quoteSubprotocols quotes Sec-WebSocket-Protocol, with credentials blanked out unless evidence is
// full.
func quoteSubprotocols(c *Case, h *wire.Head) string {
	var text []byte
	announced, lines, hidden := false, 0, c.Options.Redact.hiddenProtocols(c.X.Request)
	for v := range h.Values(protocolField) {
		line := bytes.Clone(h.Text(v))
		if !c.Options.Full {
			announced = c.Options.Redact.redactProtocols(line, announced)
			blankProtocols(line, hidden)
		}
		if lines++; lines > 1 {
			text = append(text, ", "...)
		}
		text = append(text, line...)
	}
	return quote(text)
}
