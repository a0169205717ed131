package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A Passage is a message, or further bytes, on both sides of a hop.
type Passage struct {
	Title string `json:"title"`
	Near  Side   `json:"near"` // of the client
	Far   Side   `json:"far"`  // of the server
}

// A Side is what passed on one side of a hop.
type Side struct {
	Sign  string     `json:"sign"` // before each line, as transcripts have it: > >> << < !!; empty: this is of both sides
	Lines []SideLine `json:"lines"`
	Left  int        `json:"left,omitempty"` // lines that are not shown
	Note  string     `json:"note,omitempty"` // where it is, or why there is nothing
}

// A SideLine is a line as printable ASCII.
type SideLine struct {
	Text    string `json:"text"`
	Differs bool   `json:"differs,omitempty"` // the other side does not have it
}

// The bounds of a side.
const (
	maxSideLines   = 64
	maxSideColumns = 400
)

// Sides returns what passed on both sides of the hop of a ruling, redacted as everywhere; nil if the
// exchange passed none.
func Sides(r *rules.Ruling) ([]Passage, error) {
	if r.X.Hop == nil {
		return nil, nil
	}
	x, err := shownHop(r)
	if err != nil {
		return nil, err
	}
	h, far := x.Hop, x.Hop.Far
	if far == nil {
		far = &wire.Exchange{Request: wire.ReadRequest(nil)}
	}
	var all []Passage
	add := func(title string, up bool, near, other []byte, notes ...string) {
		if len(near)+len(other) == 0 {
			return
		}
		p := Passage{Title: title, Near: Side{Sign: "<"}, Far: Side{Sign: "<<"}}
		if up {
			p.Near.Sign, p.Far.Sign = ">", ">>"
		}
		p.compare(near, other)
		for i, note := range notes {
			[...]*Side{&p.Near, &p.Far}[i].Note = note
		}
		all = append(all, p)
	}
	if b := h.Before; b != nil {
		add("Before it on the connection to the server", true, nil, b.Request.Raw, "another request")
		add("Answer to that", false, nil, answersIn(b))
	}
	stray, where := h.Stray, withinWords(h)
	if h.Far != nil {
		stray, where = far.Request.Raw, ""
	}
	add("Request", true, x.Request.Raw, stray, "", where)
	add("Sent before the response", true, x.Early, far.Early)
	add("Response", false, answersIn(x), answersIn(far))
	if !isSwitch(x) || !isSwitch(far) {
		add("Sent after the response", true, x.Next.Bytes, far.Next.Bytes)
	}
	add("Client's bytes after the 101", true, x.After.Client, far.After.Client)
	add("Server's bytes after the 101", false, x.After.Server, far.After.Server)
	if len(h.Seen) > 0 {
		seen := Side{Sign: "!!"}
		for _, s := range h.Seen {
			seen.Lines = append(seen.Lines, SideLine{Text: strings.TrimSpace("seen " + wire.Escape([]byte(s.What)) + " " + wire.Escape([]byte(s.Detail)))})
		}
		all = append(all, Passage{Title: "Also seen", Near: seen})
	}
	return all, nil
}

// shownHop returns the exchange of a ruling with both sides of its hop, redacted.
func shownHop(r *rules.Ruling) (*wire.Exchange, error) {
	bare := *r
	bare.Findings = nil
	b, err := bare.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("show exchange %q: %w", r.X.ID, err)
	}
	redacted, err := rules.ReadRuling(b)
	if err != nil {
		return nil, fmt.Errorf("show exchange %q: %w", r.X.ID, err)
	}
	return redacted.X, nil
}

func isSwitch(x *wire.Exchange) bool { return x.Response != nil && x.Response.Status == 101 }

// answersIn are the heads that a server sent, and what cannot be read as one.
func answersIn(x *wire.Exchange) (all []byte) {
	for _, p := range x.Interim {
		all = append(all, p.Raw...)
	}
	if x.Former != nil {
		all = append(all, x.Former.Raw...)
	}
	all = append(all, x.Noise...)
	if x.Response != nil {
		all = append(all, x.Response.Raw...)
	}
	return all
}

// withinWords says where the bytes of a request are that did not arrive as one.
func withinWords(h *wire.Hop) string {
	switch h.Within {
	case wire.Nowhere:
		return "did not arrive"
	case wire.WithinContent:
		return "arrived within the body of the request before it"
	case wire.WithinHeaders:
		return "arrived within the headers of the request before it"
	case wire.WithinTunnel:
		return "arrived within the tunnel of the request before it"
	}
	return "arrived within " + wire.Escape([]byte(h.Within))
}

// compare fills in both sides.
func (p *Passage) compare(near, far []byte) {
	a, b := linesOf(near), linesOf(far)
	p.Near.fill(a, b)
	p.Far.fill(b, a)
}

// linesOf are the lines with their ends, without empty ones.
func linesOf(b []byte) (all [][]byte) {
	for line := range bytes.Lines(b) {
		if len(bytes.TrimRight(line, "\r\n")) > 0 {
			all = append(all, line)
		}
	}
	return all
}

// same reports whether two lines are equal but for the case of a header's name, which many proxies
// change.
func same(a, b []byte) bool {
	i := bytes.IndexByte(a, ':')
	if i < 0 || len(a) != len(b) || bytes.ContainsAny(a[:i], " \t") {
		return bytes.Equal(a, b)
	}
	return wire.EqualFold(a[:i], b[:i]) && bytes.Equal(a[i:], b[i:])
}

// fill adds lines. One differs if the other side, where there is one, has fewer of the kind.
func (s *Side) fill(lines, other [][]byte) {
	other = slices.Clone(other)
	compared := len(other) > 0
	for _, line := range lines {
		i := slices.IndexFunc(other, func(o []byte) bool { return same(o, line) })
		if i >= 0 {
			other = slices.Delete(other, i, i+1)
		}
		if len(s.Lines) == maxSideLines {
			s.Left++
			continue
		}
		text := strings.TrimSuffix(wire.Escape(line), `\r\n`)
		if len(text) > maxSideColumns {
			text = text[:maxSideColumns] + "..."
		}
		s.Lines = append(s.Lines, SideLine{text, compared && i < 0})
	}
}

// sidesText are passages as lines of text; those that differ begin with an asterisk.
func sidesText(all []Passage) string {
	var b strings.Builder
	for i := range all {
		p := &all[i]
		first, second := &p.Near, &p.Far
		if p.Near.Sign == "<" { // a response comes from the server
			first, second = second, first
		}
		fmt.Fprintf(&b, "%s:\n", p.Title)
		first.write(&b)
		second.write(&b)
	}
	return b.String()
}

func (s *Side) write(b *strings.Builder) {
	if s.Sign == "" {
		return
	}
	for _, l := range s.Lines {
		mark := " "
		if l.Differs {
			mark = "*"
		}
		fmt.Fprintf(b, "%s %s %s\n", mark, s.Sign, l.Text)
	}
	if s.Left > 0 {
		fmt.Fprintf(b, "  %s ... and %d more lines\n", s.Sign, s.Left)
	}
	switch {
	case s.Note != "":
		fmt.Fprintf(b, "  %s (%s)\n", s.Sign, s.Note)
	case len(s.Lines) == 0:
		fmt.Fprintf(b, "  %s (nothing)\n", s.Sign)
	}
}
