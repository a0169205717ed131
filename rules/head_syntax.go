package rules

import (
	"bytes"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-SPACE-COLON", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "A server answers 400 to a request with whitespace before a header's colon",
	Problem: Problems{
		Switched: "Server accepted an upgrade request with whitespace before the colon of %s",
		Refused:  "Client sent whitespace before the colon of %s",
	},
	Label: "Space before colon accepted",
	Refs: []Ref{
		{"9112", "5.1", "a server answers 400 to a request with whitespace before a colon; a proxy removes it from a response; differences here have been used for smuggling"},
	},
	Why: `One parser reads "Upgrade : websocket" as Upgrade, another as a header of another
name, a third as none. A proxy that does not see Upgrade forwards the line, notices no offer, and
the server switches. The same holds for Connection and for the headers that say where the request
ends. In a response the server is at fault: Node.js and h11 reject it, Chromium reads the
header, Go keeps it under another name, and Python's http.client ends the headers there.`,
	Fix: `Answer 400 to any request with a space or tab before a colon.
gobwas/ws: ws.Upgrader accepts such lines; use ws.HTTPUpgrader with net/http, which rejects them.`,
	needs: needsFlaw,
	When: func(c *Case) bool {
		return c.flawed(wire.FlawSpaceBeforeColon) || responseFlawed(c, wire.FlawSpaceBeforeColon)
	},
	Judge: func(c *Case) Result {
		if c.flawed(wire.FlawSpaceBeforeColon) {
			return RefuseSwitch(c)
		}
		return judgeResponseFlaw(c, Medium)
	},
	Show: func(c *Case, _ Result) Shown {
		h, text := &c.X.Request.Head, ""
		at := requestFlaws(c, wire.FlawSpaceBeforeColon)
		if len(at) == 0 {
			h, text = &c.X.Response.Head, "Server sent whitespace before the colon of %s in its response"
			at = flawsOf(InResponse, h, wire.FlawSpaceBeforeColon)
		}
		for i, s := range at {
			at[i].To = s.From + max(bytes.IndexByte(h.Raw[s.From:], ':'), 0)
		}
		return says(text, at, quote(fieldBefore(h, at[0].From)))
	},
	Probes: []Probe{
		{ID: "UPGRADE-SPACE-COLON-CONN", Class: Refuse400, Label: "Space before the colon of Connection",
			Edit: Between("Connection", " : ")},
		{ID: "UPGRADE-SPACE-COLON-UPGRADE", Class: Refuse400, Label: "Space before the colon of Upgrade",
			Edit: Between("Upgrade", " : ")},
		{ID: "UPGRADE-TAB-COLON-KEY", Class: Refuse400, Label: "Tab before the colon of Sec-WebSocket-Key",
			Edit: Between(keyField, "\t: ")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-OBS-FOLD", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: High, Worst: Critical}, Since: "0.1",
	Title: "A client does not fold header lines, and a server rejects folded lines or joins them with spaces",
	Problem: Problems{
		Switched: "Server accepted an upgrade request with a folded %s header",
		Refused:  "Client sent a folded line in the %s header",
	},
	Label: "Folded header line",
	Refs: []Ref{
		{"9112", "5.2", "a client does not fold lines; a server answers 400, or replaces each fold with spaces before it reads the value"},
	},
	Why: `A server that joins folded lines reads one value; a parser that does not support
folding reads a line of its own, or drops it. If upgrade, the protocol or the key is in the folded
part, or if the folded part looks like one of these headers, one side sees an offer and the other
does not; then the rule is critical. A server may join the lines and is not at fault for
switching; the client wants to find out what happens, or was made to send it.`,
	Fix: `Answer 400 to folded lines; no WebSocket client sends them.
In a proxy, reject them too, or forward the joined line and never the original.`,
	needs: needsFlaw,
	When:  func(c *Case) bool { return c.flawed(wire.FlawObsFold) },
	Judge: func(c *Case) Result {
		res, h := repaired(c), &c.X.Request.Head
		decisive := func(s Span) bool { return decides(h, s.From) }
		if res.Verdict == Fail && c.switched && slices.ContainsFunc(requestFlaws(c, wire.FlawObsFold), decisive) {
			return res.rated(c.rule.Severity.Worst)
		}
		return res
	},
	Show: func(c *Case, _ Result) Shown {
		at := requestFlaws(c, wire.FlawObsFold)
		return seen(at, quote(fieldBefore(&c.X.Request.Head, at[0].From)))
	},
	Probes: []Probe{
		{ID: "UPGRADE-OBSFOLD-CONN", Class: Refuse400, Soft: true, Label: "Connection value on a folded line",
			Edit: Between("Connection", ":\r\n ")},
		{ID: "UPGRADE-OBSFOLD-UPGRADE", Class: Refuse400, Soft: true, Label: "Upgrade value on a folded line",
			Edit: Set("Upgrade", "x,\r\n\twebsocket")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-LEAD-WS", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: Critical}, Since: "0.1",
	Title: "A server rejects or drops a line that starts with whitespace directly after the request line",
	Problem: Problems{
		Switched: "Server accepted an upgrade that depends on a line starting with whitespace directly after the request line: %s",
		Refused:  "Client sent a line starting with whitespace directly after the request line: %s",
	},
	Label: "Whitespace before first header",
	Refs: []Ref{
		{"9112", "2.2", "a client puts no whitespace between the request line and the first header; a server rejects such a request, or drops all lines there that start with whitespace"},
	},
	Why: `One parser drops the line, another reads it as a header, a third appends it to the
request line. If it is Connection or Upgrade, a server that switches has seen an offer that a
proxy following the RFC has not seen. If some other line is affected and the server dropped it,
only the client is at fault.`,
	Fix: `Answer 400 to a request whose first line after the request line starts with a space
	or tab.`,
	needs: needsFlaw,
	When:  func(c *Case) bool { return c.flawed(wire.FlawLeadingSpace) },
	Judge: func(c *Case) Result {
		if c.switched && !neededDropped(c) {
			return tolerated(c).rated(Medium)
		}
		return RefuseSwitch(c)
	},
	Show: func(c *Case, _ Result) Shown {
		h := &c.X.Request.Head
		at := requestFlaws(c, wire.FlawLeadingSpace)
		name, _, _ := bytes.Cut(h.Raw[at[0].From:at[0].To], []byte(":"))
		return seen(at, beginning(bytes.Trim(name, " \t")))
	},
	Probes: []Probe{
		{ID: "UPGRADE-LEAD-SP", Label: "Connection line starts with a space", Also: []string{"UPGRADE-MISSING-CONN"},
			Edit: Edits(Without("Connection"), func(h *Handshake) {
				h.Lines = slices.Insert(h.Lines, 0, line(" Connection", "Upgrade"))
			})},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-FIELD-NAME", Level: Must, Party: Client,
	Severity: Severities{Refused: Medium, Switched: High}, Since: "0.1",
	Title: "A server rejects a request with a line that is not a valid header",
	Problem: Problems{
		Switched: "Server accepted an upgrade request with a line without a colon: %s",
		Refused:  "Client sent a line without a colon: %s",
	},
	Label: "Malformed header line",
	Refs: []Ref{
		{"9112", "5", "a header line is a name, a colon and a value"},
		{"9110", "5.1", "the name of a header is a token"},
		{"9112", "2.2", "a server should answer 400 to what does not match the grammar"},
	},
	Why: `Parsers treat such a line differently: they skip it, take it for a header without a
value, or stop and read what follows as a body. A proxy that stops there and a server that does
not see different requests, one of which is an offer. A line without a colon is often the rest of
a value into which a line end was injected.`,
	Fix: `Answer 400 and close the connection. In a client, check names and values from
	outside before you write them.`,
	needs: needsFlaw,
	When:  func(c *Case) bool { return c.flawed(wire.FlawNoColon) || c.flawed(wire.FlawFieldName) },
	Judge: func(c *Case) Result {
		if c.flawed(wire.FlawNoColon) {
			return RefuseSwitch(c)
		}
		return repaired(c)
	},
	Show: func(c *Case, _ Result) Shown {
		h := &c.X.Request.Head
		if at := requestFlaws(c, wire.FlawNoColon); len(at) > 0 {
			return seen(at, beginning(h.Raw[at[0].From:at[0].To]))
		}
		at := requestFlaws(c, wire.FlawFieldName)
		for i, s := range at {
			at[i].To = s.From + max(bytes.IndexByte(h.Raw[s.From:s.To], ':'), 0)
		}
		return varies(Problems{
			Switched: "Server accepted an upgrade request with the invalid header name %s",
			Refused:  "Client sent the invalid header name %s",
		}, at, quote(h.Raw[at[0].From:at[0].To]))
	},
	Probes: []Probe{
		{ID: "UPGRADE-NO-COLON", Class: Refuse400, Label: "Header line without a colon",
			Edit: Edits(Set("Garbage", ""), Between("Garbage", ""))},
		{ID: "UPGRADE-NAME-JUNK", Class: Refuse400, Soft: true, Label: "Invalid header name: X@",
			Edit: Set("X@", "1")},
	},
})

// requestFlaws returns the flaws of one kind in the request. Each span reaches from the flaw to the
// end of its line.
func requestFlaws(c *Case, kind wire.FlawKind) []Span {
	return flawsOf(InRequest, &c.X.Request.Head, kind)
}

func flawsOf(part Part, h *wire.Head, kind wire.FlawKind) []Span {
	var at []Span
	for _, f := range h.Flaws {
		if f.Kind == kind && f.Offset <= len(h.Raw) {
			at = append(at, Span{part, f.Offset, lineEnd(h.Raw, f.Offset)})
		}
	}
	return at
}

// responseFlawed reports whether the response has that flaw and the request does not.
func responseFlawed(c *Case, kind wire.FlawKind) bool {
	p := c.X.Response
	if p == nil || len(p.Flaws) == 0 || c.flawed(kind) {
		return false
	}
	_, ok := p.Flaw(kind)
	return ok && c.asks()
}

// judgeResponseFlaw judges a flaw of a response that clients may put up with.
func judgeResponseFlaw(c *Case, s Severity) Result {
	return oncePerRun(c, c.result(Warn).by(Server).rated(s))
}

// lineEnd returns the end of the text of the line that an offset is in.
func lineEnd(raw []byte, offset int) int {
	i := bytes.IndexByte(raw[offset:], '\n')
	switch {
	case i < 0:
		return len(raw)
	case i > 0 && raw[offset+i-1] == '\r':
		i--
	}
	return offset + i
}

// beginning quotes the first bytes of text that may hold anything.
func beginning(b []byte) string {
	const few = 24
	return quote(b[:min(len(b), few)])
}

// fieldBefore returns the name of the last header that starts before an offset; empty if there is
// none.
func fieldBefore(h *wire.Head, offset int) []byte {
	for _, f := range slices.Backward(h.Fields) {
		if f.Name.From < offset {
			return h.Text(f.Name)
		}
	}
	return nil
}

// decides reports whether a flaw is in a handshake header, or before text that some parser takes
// for one.
func decides(h *wire.Head, offset int) bool {
	if makesOffer(fieldBefore(h, offset)) {
		return true
	}
	name, _, colon := bytes.Cut(h.Raw[offset:lineEnd(h.Raw, offset)], []byte(":"))
	return colon && makesOffer(bytes.Trim(name, " \t\r"))
}

// makesOffer reports whether a field of that name is part of an offer.
func makesOffer(name []byte) bool {
	const websocket = "Sec-WebSocket-"
	return wire.EqualFold(name, "Upgrade") || wire.EqualFold(name, "Connection") || wire.EqualFold(name, "HTTP2-Settings") ||
		len(name) > len(websocket) && wire.EqualFold(name[:len(websocket)], websocket)
}

// neededDropped reports whether a line that should be dropped has what the handshake otherwise
// lacks.
func neededDropped(c *Case) bool {
	h := &c.X.Request.Head
	if c.headCut {
		return false
	}
	for _, s := range requestFlaws(c, wire.FlawLeadingSpace) {
		name, _, _ := bytes.Cut(h.Raw[s.From:s.To], []byte(":"))
		name = bytes.Trim(name, " \t")
		if wire.EqualFold(name, "Connection") && !c.optionSent || wire.EqualFold(name, "Upgrade") && len(c.offered) == 0 {
			return true
		}
	}
	return false
}
