package rules

import (
	"bytes"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Rule{
	ID: "UPGRADE-EMPTY", Level: Advice, Party: Client,
	Severity: Severities{Refused: Info, Switched: Critical}, Since: "0.1",
	Title: "A server ignores an Upgrade header that lists no protocol",
	Problem: Problems{
		Switched: "Server switched protocols although the Upgrade header is empty (%s)",
		Refused:  "Client sent an empty Upgrade header (%s)",
	},
	Label: "Empty Upgrade accepted",
	Refs: []Ref{
		{"9110", "7.8", "the value of Upgrade is a list of protocols, and the list may be empty"},
		{"9110", "5.6.1", "empty elements of a list do not count"},
	},
	Why: `The header is there and lists nothing, which is what a proxy leaves that blanks out
values it does not want to forward. A server that tests for the presence of the header, and takes
the protocol from somewhere else, switches to something that no one asked for, without the
knowledge of the proxy that emptied the header.`,
	Fix: `Decide by the protocols in the list, not by whether the header exists.
In a proxy, remove the header; do not set it to an empty value.` + guard,
	HopByHop: true,
	When: func(c *Case) bool {
		return len(c.offered) == 0 && !c.headCut && c.X.Request.Has("Upgrade")
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade"), requestValues(c, "Upgrade"))
	},
	Probes: []Probe{
		{ID: "UPGRADE-EMPTY", Label: "Empty Upgrade header", Also: []string{"UPGRADE-101-UNSOLICITED", "UPGRADE-WS-KEY-STRAY"},
			Edit: Set("Upgrade", "")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-EMPTY-ELEMENT", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Low}, Since: "0.1",
	Title: "A client sends no empty elements in Upgrade and Connection",
	Problem: Problems{
		Switched: "Client sent an empty list element in %s: %s; the server switched",
		Refused:  "Client sent an empty list element in %s: %s",
	},
	Label: "Empty list element",
	Refs: []Ref{
		{"9110", "5.6.1.1", "a sender of a list generates no empty elements"},
		{"9110", "5.6.1.2", "a recipient of a list ignores a reasonable number of empty elements"},
	},
	Why: `An extra comma comes from joining text: a value that was empty, an option that was
cut out. Recipients have to ignore it, and most do; one that compares the whole value with
"Upgrade" does not, and the handshake fails for a reason that is hard to see.`,
	Fix:      `Join only elements that exist; remove an option together with its comma.`,
	HopByHop: true,
	When:     func(c *Case) bool { return hasComma(&c.X.Request.Head) && c.asks() },
	Judge: func(c *Case) Result {
		if len(emptyElements(&c.X.Request.Head)) == 0 {
			return c.result(Pass)
		}
		return tolerated(c)
	},
	Show: func(c *Case, _ Result) Shown {
		h := &c.X.Request.Head
		empty := emptyElements(h)
		i := slices.IndexFunc(h.Fields, func(f wire.Field) bool { return f.Value.From <= empty[0].From && empty[0].To <= f.Value.To })
		f := h.Fields[i]
		return seen(empty, string(h.Text(f.Name)), quote(h.Text(f.Value)))
	},
})

var _ = register(Rule{
	ID: "UPGRADE-SYNTAX", Level: Must, Party: Client,
	Severity: Severities{Refused: Low, Switched: Critical}, Since: "0.1",
	Title: "A server ignores a malformed protocol in Upgrade",
	Problem: Problems{
		Switched: "Server switched on an offer of the malformed protocol %s",
		Refused:  "Client offered a malformed protocol: %s",
	},
	Label: "Malformed Upgrade accepted",
	Refs: []Ref{
		{"9110", "7.8", "an element is a token, or a token, a slash and a token"},
		{"9110", "2.2", "a sender generates nothing that does not match the grammar"},
	},
	Why: `"websocket" in quotation marks, websocket;v=13 and "foo websocket" are not the
protocol websocket. A server that switches on them searched in the text; a filter that allows or
blocks WebSocket compared names and decided the other way. Bytes outside ASCII belong here too: a
Kelvin sign looks like a K, and comparisons made for human languages fold it to one. Such values
also come from injection: undici let a line end into the value that a program passes for this
header. If the server chose another, valid protocol of the list, only the client is at fault.`,
	Fix: `Split Upgrade at commas, trim spaces and tabs, split once at the slash, and compare
	whole names in ASCII, case-insensitively.
undici: use a release with the fix for CVE-2026-1527, and allow no outside text in the upgrade
	option.` + guard,
	HopByHop: true,
	When:     func(c *Case) bool { return slices.ContainsFunc(c.offered, malformedMember) },
	Judge: func(c *Case) Result {
		if c.switched && (c.headCut || choseValid(c)) {
			return tolerated(c).rated(Low)
		}
		return RefuseSwitch(c)
	},
	Show: func(c *Case, r Result) Shown {
		m := c.offered[slices.IndexFunc(c.offered, malformedMember)]
		at, what := []Span{{InRequest, m.Span.From, m.Span.To}}, quote(c.X.Request.Text(m.Span))
		if r.Party == Client && c.switched && !c.headCut {
			return says("Client offered a malformed protocol (%s) beside a valid one; the server switched to the valid one", at, what)
		}
		return seen(at, what)
	},
	Probes: []Probe{
		{ID: "UPGRADE-TOKEN-QUOTED", Label: "Upgrade: \"websocket\" in quotes", Also: []string{"UPGRADE-101-NOT-OFFERED", "UPGRADE-UNKNOWN"},
			Edit: Set("Upgrade", `"websocket"`)},
		{ID: "UPGRADE-TOKEN-JUNK", Label: "Upgrade: websocket;v=13", Also: []string{"UPGRADE-101-NOT-OFFERED", "UPGRADE-UNKNOWN"},
			Edit: Set("Upgrade", "websocket;v=13")},
		{ID: "UPGRADE-TOKEN-SPACE", Label: "Upgrade: foo websocket (no comma)", Also: []string{"UPGRADE-101-NOT-OFFERED", "UPGRADE-UNKNOWN"},
			Edit: Set("Upgrade", "foo websocket")},
		{ID: "UPGRADE-TOKEN-KELVIN", Label: "Upgrade: websocket with a Kelvin sign as k", Also: []string{"UPGRADE-101-NOT-OFFERED", "UPGRADE-UNKNOWN"},
			Edit: Set("Upgrade", "websoc\xe2\x84\xaaet")},
		{ID: "UPGRADE-TOKEN-VT", Label: "Upgrade: websocket + vertical tab", Also: []string{"UPGRADE-CTL", "UPGRADE-UNKNOWN"},
			Edit: Set("Upgrade", "websocket\x0b")},
		{ID: "UPGRADE-TOKEN-LONG-S", Label: "Upgrade: websocket with a long s (U+017F)", Also: []string{"UPGRADE-101-NOT-OFFERED", "UPGRADE-UNKNOWN"},
			Edit: Set("Upgrade", "web\xc5\xbfocket")},
	},
})

var _ = register(Rule{
	ID: "UPGRADE-DUP-LINE", Level: Advice, Party: Client,
	Severity: Severities{Refused: Info, Switched: Info}, Since: "0.1",
	Title: "A client does not send several Upgrade headers with different values",
	Problem: Problems{
		Switched: "Client sent several Upgrade headers with different values: %s",
		Refused:  "Client sent several Upgrade headers with different values: %s",
	},
	Label: "Several different Upgrade headers",
	Refs: []Ref{
		{"9110", "5.3", "several lines of a list header mean the same as one line with all their values, in order"},
	},
	Why: `Two lines are equivalent to one list, but not everyone reads them so: some servers
use the first line, some the last. If the lines differ, a proxy that filters by one of them and a
server that uses the other do not see the same offer. A proxy often adds the second line to the
client's.`,
	Fix: `Send one Upgrade line with all protocols. In a proxy, replace the client's line; do
	not add to it.`,
	HopByHop: true,
	When:     func(c *Case) bool { return len(c.offered) > 0 && c.X.Request.Count("Upgrade") > 1 },
	Judge: func(c *Case) Result {
		h := &c.X.Request.Head
		for v := range h.Values("Upgrade") {
			if !wire.EqualFold(h.Text(v), first(h, "Upgrade")) {
				return c.result(Warn)
			}
		}
		return c.result(Pass)
	},
	Show: func(c *Case, _ Result) Shown {
		return seen(c.inRequest("Upgrade"), requestValues(c, "Upgrade"))
	},
	Probes: []Probe{
		{ID: "UPGRADE-DUP-LINE", Class: Either, Risk: Crash, Label: "Upgrade: websocket sent twice",
			Edit: Twice("Upgrade", "websocket")},
		{ID: "UPGRADE-DUP-H2C-WS", Class: Either, Risk: Crash, Label: "h2c and websocket in two Upgrade headers",
			Edit: Edits(Set("Upgrade", "h2c"), Twice("Upgrade", "websocket"))},
	},
})

func malformedMember(m wire.Protocol) bool { return !m.Valid }

// choseValid reports whether the 101 names a well-formed protocol of the offer. A 101 that names
// nothing may have chosen any of them.
func choseValid(c *Case) bool {
	sound := func(name string) bool {
		return slices.ContainsFunc(c.offered, func(o wire.Protocol) bool { return o.Valid && (name == "" || o.Is(name)) })
	}
	for _, m := range c.chosen {
		if !sound(m.Name) {
			return false
		}
	}
	return sound("")
}

// hasComma reports whether Upgrade or Connection is written as a list.
func hasComma(h *wire.Head) bool {
	for _, name := range [...]string{"Upgrade", "Connection"} {
		for v := range h.Values(name) {
			if bytes.IndexByte(h.Text(v), ',') >= 0 {
				return true
			}
		}
	}
	return false
}

// emptyElements returns the commas in Upgrade and Connection that have nothing before or after
// them.
func emptyElements(h *wire.Head) []Span {
	var at []Span
	for _, name := range [...]string{"Upgrade", "Connection"} {
		for v := range h.Values(name) {
			value, blank := h.Text(v), true // blank: nothing since the last comma
			last := 0
			for i, b := range value {
				switch {
				case b == ',':
					if blank {
						at = append(at, Span{InRequest, v.From + i, v.From + i + 1})
					}
					last, blank = i, true
				case b != ' ' && b != '\t':
					blank = false
				}
			}
			if blank && len(value) > 0 && value[last] == ',' {
				at = append(at, Span{InRequest, v.From + last, v.From + last + 1})
			}
		}
	}
	return at
}
