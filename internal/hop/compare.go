package hop

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A Change is one thing that a hop did to a message that passed it.
type Change struct {
	Part     Part   `json:"part"`
	Kind     Kind   `json:"kind"`
	Header   string `json:"header,omitempty"`
	Before   string `json:"before"` // as it came to the hop; empty if nothing did
	After    string `json:"after"`  // as it left the hop
	Redacted bool   `json:"redacted,omitempty"`
	Matters  bool   `json:"matters"` // an upgrade may fail for it
}

// A Part is what was changed.
type Part string

// The parts. A request goes from the near to the far side, a response from the far to the near one.
const (
	Request  Part = "request"
	Response Part = "response"
	Tunnel   Part = "tunnel"
)

// A Kind is how something was changed.
type Kind string

// The kinds of changes. Those from Removed to Case are about headers.
const (
	Method    Kind = "method"
	Target    Kind = "target"
	Version   Kind = "version"
	Status    Kind = "status"
	Removed   Kind = "removed"
	Added     Kind = "added"
	Rewritten Kind = "rewritten"
	Lines     Kind = "lines"  // the same values in another number of lines
	Case      Kind = "case"   // of the names of headers
	Order     Kind = "order"  // of the headers
	Bytes     Kind = "bytes"  // after the 101
	Ended     Kind = "ended"  // the hop closed both connections of the tunnel
	Hidden    Kind = "hidden" // not known: the value is redacted on both sides
)

// Compare returns what the hop did to the exchange of a pair.
func Compare(p Pair) []Change {
	near, far := p.Near.X, p.Far.X
	sent := near.Request
	if near.Far != nil {
		sent = near.Far // the near Interlock itself has edited it
	}
	var c changes
	c.text(Request, Method, sent.Method, far.Request.Method, true)
	c.text(Request, Target, sent.Target, far.Request.Target, false)
	c.text(Request, Version, sent.Version, far.Request.Version, true)
	c.headers(Request, &sent.Head, &far.Request.Head)
	c.text(Response, Status, status(far), status(near), true)
	if far.Response != nil && near.Response != nil {
		switched := far.Response.Status == 101
		c.text(Response, Version, far.Response.Version, near.Response.Version, switched)
		c.headers(Response, &far.Response.Head, &near.Response.Head)
		if switched && near.Response.Status == 101 {
			c.bytes("from the client", near.After.Client, far.After.Client)
			c.bytes("from the server", far.After.Server, near.After.Server)
			c.ended(near, far)
		}
	}
	return c
}

type changes []Change

func (c *changes) text(part Part, kind Kind, before, after string, matters bool) {
	if before != after {
		*c = append(*c, Change{Part: part, Kind: kind, Before: shown(before), After: shown(after), Redacted: blanked(before) || blanked(after), Matters: matters})
	}
}

// headers compares the headers of a message as it came and as it left.
func (c *changes) headers(part Part, before, after *wire.Head) {
	was, is := namesOf(before), namesOf(after)
	otherCase := false
	for _, name := range was {
		b, a := values(before, name), values(after, name)
		change := Change{Part: part, Header: shown(name), Before: shown(strings.Join(b, ", ")), After: shown(strings.Join(a, ", "))}
		change.Redacted = blanked(change.Before) || blanked(change.After)
		switch {
		case len(a) == 0:
			change.Kind = Removed
		case slices.Equal(a, b) && change.Redacted:
			change.Kind = Hidden
			*c = append(*c, change)
			otherCase = otherCase || !slices.Contains(is, name)
			continue
		case slices.Equal(a, b):
			otherCase = otherCase || !slices.Contains(is, name)
			continue
		case strings.Join(a, ", ") == strings.Join(b, ", "):
			change.Kind = Lines
		default:
			change.Kind = Rewritten
		}
		change.Matters = matters(name, before, after)
		*c = append(*c, change)
	}
	for _, name := range is {
		if len(values(before, name)) == 0 {
			added := shown(strings.Join(values(after, name), ", "))
			*c = append(*c, Change{Part: part, Kind: Added, Header: shown(name), After: added, Redacted: blanked(added), Matters: matters(name, before, after)})
		}
	}
	c.spelling(part, was, is, otherCase)
}

// spelling compares the case and the order of the headers that passed.
func (c *changes) spelling(part Part, was, is []string, otherCase bool) {
	lower := func(names, others []string) (all []string) {
		for _, n := range names {
			if slices.ContainsFunc(others, func(o string) bool { return wire.EqualFold([]byte(o), n) }) {
				all = append(all, n)
			}
		}
		return all
	}
	passed, left := lower(was, is), lower(is, was)
	if otherCase {
		*c = append(*c, Change{Part: part, Kind: Case, Before: shown(strings.Join(passed, ", ")), After: shown(strings.Join(left, ", "))})
	}
	if !slices.EqualFunc(passed, left, func(a, b string) bool { return wire.EqualFold([]byte(a), b) }) {
		*c = append(*c, Change{Part: part, Kind: Order, Before: shown(strings.Join(passed, ", ")), After: shown(strings.Join(left, ", "))})
	}
}

// bytes compares the first bytes of one direction of a tunnel, as far as both sides have them. What
// is blanked out on one side is not compared.
func (c *changes) bytes(from string, before, after []byte) {
	for i := range min(len(before), len(after)) {
		if before[i] != after[i] && before[i] != '*' && after[i] != '*' {
			*c = append(*c, Change{Part: Tunnel, Kind: Bytes, Header: from, Before: wire.Escape(before[i:min(len(before), i+16)]),
				After: wire.Escape(after[i:min(len(after), i+16)]), Matters: true})
			return
		}
	}
}

// ended records that the hop ended a tunnel: to its near side the server closed the connection, to its
// far side the client did.
func (c *changes) ended(near, far *wire.Exchange) {
	server := near.Cause == wire.CauseServer || near.Cause == wire.CauseServerReset
	client := far.Cause == wire.CauseClient || far.Cause == wire.CauseClientReset
	if !server || !client {
		return
	}
	when := ""
	if e := near.After.End; e != nil {
		when = fmt.Sprintf("after %v, idle for %v", e.Open.Round(time.Millisecond), e.Idle.Round(time.Millisecond))
	}
	*c = append(*c, Change{Part: Tunnel, Kind: Ended, After: when})
}

// matters reports whether a change of a header can make an upgrade fail.
func matters(name string, before, after *wire.Head) bool {
	is := func(other string) bool { return wire.EqualFold([]byte(name), other) }
	switch {
	case is("Connection"):
		return before.HasOption("upgrade") != after.HasOption("upgrade")
	case is("Upgrade"):
		return !slices.EqualFunc(before.Protocols(), after.Protocols(), func(a, b wire.Protocol) bool { return wire.EqualFold([]byte(a.String()), b.String()) })
	case is("Sec-WebSocket-Protocol"), is("Sec-WebSocket-Extensions"):
		return !slices.Equal(elements(before, name), elements(after, name))
	}
	return is("Sec-WebSocket-Key") || is("Sec-WebSocket-Version") || is("Sec-WebSocket-Accept") || is("HTTP2-Settings")
}

func elements(h *wire.Head, name string) (all []string) {
	for e := range h.Elements(name) {
		all = append(all, string(h.Text(e)))
	}
	return all
}

// maxHeaders is how many headers of a message are compared.
const maxHeaders = 256

// namesOf are the names of the headers of a message, each once, as they are first written.
func namesOf(h *wire.Head) (names []string) {
	for _, f := range h.Fields {
		name := h.Text(f.Name)
		if len(names) == maxHeaders {
			return names
		}
		if !slices.ContainsFunc(names, func(n string) bool { return wire.EqualFold(name, n) }) {
			names = append(names, string(name))
		}
	}
	return names
}

func values(h *wire.Head, name string) (all []string) {
	for s := range h.Values(name) {
		all = append(all, string(h.Text(s)))
	}
	return all
}

// status is the status of an exchange in words.
func status(x *wire.Exchange) string {
	if x.Response == nil {
		return "no response"
	}
	return strconv.Itoa(x.Response.Status)
}

// blanked reports whether a value was redacted before it was stored.
func blanked(value string) bool { return strings.Contains(value, "****") }

// shown is text from the wire, fit to be shown.
func shown(text string) string {
	const most = 120
	if len(text) > most {
		return wire.Escape([]byte(text[:most])) + "..."
	}
	return wire.Escape([]byte(text))
}

// String is the change as part of a sentence: what the hop did.
func (c Change) String() string {
	redacted := ""
	if c.Redacted {
		redacted = " (redacted)"
	}
	quoted := func(text string) string { return `"` + text + `"` }
	switch c.Kind {
	case Removed:
		return fmt.Sprintf("removes %s: %s%s", c.Header, quoted(c.Before), redacted)
	case Added:
		return fmt.Sprintf("adds %s: %s%s", c.Header, quoted(c.After), redacted)
	case Rewritten:
		return fmt.Sprintf("rewrites %s from %s to %s%s", c.Header, quoted(c.Before), quoted(c.After), redacted)
	case Lines:
		return fmt.Sprintf("writes %s in another number of lines", c.Header)
	case Case:
		return "writes names of headers in another case"
	case Order:
		return "reorders the headers"
	case Hidden:
		return fmt.Sprintf("passes %s on; whether it changes it is not known: its value is redacted", c.Header)
	case Ended:
		return strings.TrimSpace("ends the tunnel " + c.After)
	case Bytes:
		return fmt.Sprintf("changes the first bytes %s from %s to %s", c.Header, quoted(c.Before), quoted(c.After))
	}
	return fmt.Sprintf("changes the %s from %s to %s%s", c.Kind, c.Before, c.After, redacted)
}
