package site

import (
	"bytes"
	"fmt"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// The bounds of shown bytes.
const (
	maxLines = 40
	maxLine  = 400 // bytes of one line
)

// A piece is a run of bytes of the same kind.
type piece struct {
	Text string
	Kind string // "": text; "end": the CRLF at the end of a line; "odd": bytes that a header should not have
}

// A line is a line of a head; of one without bytes, Note says what happens in place of it.
type line struct {
	Pieces []piece
	Note   string
}

// linesOf divides bytes into lines, with every byte visible.
func linesOf(b []byte) (all []line) {
	for text := range bytes.Lines(b) {
		if len(all) == maxLines {
			return append(all, line{Note: "further lines are left out"})
		}
		all = append(all, lineOf(text))
	}
	return all
}

func lineOf(text []byte) (l line) {
	body, ended := bytes.CutSuffix(text, []byte("\r\n"))
	if n := len(body) - maxLine; n > 0 {
		l.Note = fmt.Sprintf("%d bytes are left out", n)
		body = body[:maxLine]
	}
	for len(body) > 0 {
		n := bytes.IndexFunc(body, func(r rune) bool { return isOdd(r) != isOdd(rune(body[0])) })
		if n < 0 {
			n = len(body)
		}
		p := piece{Text: wire.Escape(body[:n])}
		if isOdd(rune(body[0])) {
			p.Kind = "odd"
		}
		l.Pieces = append(l.Pieces, p)
		body = body[n:]
	}
	if ended {
		l.Pieces = append(l.Pieces, piece{`\r\n`, "end"})
	}
	return l
}

// isOdd reports whether a byte is not printable ASCII.
func isOdd(c rune) bool { return c < ' ' || c > '~' }

// exampleKey is the key of RFC 6455 §1.3.
const exampleKey = "dGhlIHNhbXBsZSBub25jZQ=="

// sentBy returns what a probe sends to an example.
func sentBy(p *rules.Probe) []line {
	h := p.On(rules.NewHandshake("http", "staging.test:8080", "/chat", exampleKey))
	all := linesOf([]byte(h.First()))
	note := func(text string) { all = append(all, line{Note: text}) }
	if h.Split > 0 {
		note(fmt.Sprintf("in two segments, the first of %d bytes", h.Split))
	}
	switch h.Hold {
	case rules.HoldUntil100:
		note("after a 100 (Continue):")
		all = append(all, linesOf([]byte(h.Content))...)
	case rules.HoldForever:
		note("the request body is never sent")
	}
	if h.After != "" {
		note("after the server has switched:")
		all = append(all, linesOf([]byte(h.After))...)
	}
	for _, t := range p.Twins {
		note("compared with " + t.Text)
	}
	return all
}
