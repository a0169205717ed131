package ui

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// The bounds of a shown head.
const (
	maxMarked = 48       // findings with a number of their own
	maxWire   = 16 << 10 // bytes as wire text
	maxHex    = 4 << 10  // bytes in hexadecimal digits
	maxFields = 500
)

// evidence says for each byte of a part of an exchange which findings it belongs to: bit i is that of the finding whose
// number is i+1.
type evidence []uint64

// evidenceOf marks the bytes of a part with the numbers of findings; 0 is a finding without a
// number.
func evidenceOf(findings []shownFinding, part rules.Part, length int) evidence {
	e := make(evidence, length)
	for _, f := range findings {
		for _, s := range f.spans {
			for i := max(s.From, 0); f.Number > 0 && s.Part == part && i < min(s.To, length); i++ {
				e[i] |= 1 << (f.Number - 1)
			}
		}
	}
	return e
}

// A piece is a run of bytes that belong to the same findings.
type piece struct {
	Text  string
	Class string // of the findings: m1 m3; empty where there are none
	End   bool   // it is the end of a line
}

// pieces divides b, which begins at that place in its part, by the findings that its bytes belong to.
func (e evidence) pieces(b []byte, at int, write func([]byte) string) (all []piece) {
	of := func(i int) uint64 {
		if at+i < len(e) {
			return e[at+i]
		}
		return 0
	}
	for from := 0; from < len(b); {
		to := from + 1
		for to < len(b) && of(to) == of(from) {
			to++
		}
		all = append(all, piece{Text: write(b[from:to]), Class: classOf(of(from))})
		from = to
	}
	return all
}

// classOf are the classes of the bytes of some findings.
func classOf(bits uint64) string {
	var names []string
	for i := range maxMarked {
		if bits>>i&1 != 0 {
			names = append(names, fmt.Sprintf("m%d", i+1))
		}
	}
	return strings.Join(names, " ")
}

// A shownPart is a part of an exchange as one of the views shows it.
type shownPart struct {
	Title string
	Sign  string // before each line
	Bytes int
	Plain bool       // of HTTP/2: it was sent in another form, whose size is not known
	Lines [][]piece  // of the view wire
	Dump  []dumpRow  // of the view hex
	Rows  []fieldRow // of the view fields
	Flaws []string
	Left  int // bytes, or fields, that are not shown
}

// A dumpRow is sixteen bytes.
type dumpRow struct {
	Offset      string
	Hex, Letter []piece
}

// A fieldRow is the start line or a field line.
type fieldRow struct {
	Name, Value []piece
	Start       bool
}

// showPart shows bytes in a view: wire, hex, or, of a head, fields.
func showPart(title, sign string, b []byte, head *wire.Head, e evidence, view string) shownPart {
	p := shownPart{Title: title, Sign: sign, Bytes: len(b)}
	switch {
	case view == "hex":
		p.dump(b, e)
	case view == "fields" && head != nil:
		p.fields(head, e)
	default:
		p.wire(b, e)
	}
	if head != nil {
		for _, f := range head.Flaws {
			if kind := f.Kind.String(); !slices.Contains(p.Flaws, kind) {
				p.Flaws = append(p.Flaws, kind)
			}
		}
	}
	return p
}

func (p *shownPart) wire(b []byte, e evidence) {
	if p.Left = len(b) - maxWire; p.Left > 0 {
		b = b[:maxWire]
	} else {
		p.Left = 0
	}
	at := 0
	for line := range bytes.Lines(b) {
		end := len(bytes.TrimRight(line, "\r\n"))
		pieces := e.pieces(line[:end], at, wire.Escape)
		for _, last := range e.pieces(line[end:], at+end, wire.Escape) {
			last.End = true
			pieces = append(pieces, last)
		}
		p.Lines = append(p.Lines, pieces)
		at += len(line)
	}
}

func (p *shownPart) dump(b []byte, e evidence) {
	if p.Left = len(b) - maxHex; p.Left > 0 {
		b = b[:maxHex]
	} else {
		p.Left = 0
	}
	for at := 0; at < len(b); at += 16 {
		sixteen := b[at:min(at+16, len(b))]
		p.Dump = append(p.Dump, dumpRow{
			Offset: fmt.Sprintf("%04x", at), Hex: e.pieces(sixteen, at, digits), Letter: e.pieces(sixteen, at, letters),
		})
	}
}

// digits are bytes in hexadecimal digits.
func digits(b []byte) string {
	var s strings.Builder
	for i := range b {
		s.WriteString(hex.EncodeToString(b[i : i+1]))
		s.WriteByte(' ')
	}
	return s.String()
}

// letters returns bytes as ASCII, with a dot for each unprintable byte.
func letters(b []byte) string {
	s := bytes.Clone(b)
	for i, c := range s {
		if c < ' ' || c > '~' {
			s[i] = '.'
		}
	}
	return string(s)
}

func (p *shownPart) fields(h *wire.Head, e evidence) {
	part := func(s wire.Span) []piece {
		return e.pieces(h.Raw[s.From:min(s.To, s.From+maxWire)], s.From, wire.Escape)
	}
	p.Rows = append(p.Rows, fieldRow{Value: part(h.Start), Start: true})
	for i, f := range h.Fields {
		if i == maxFields {
			p.Left = len(h.Fields) - maxFields
			return
		}
		p.Rows = append(p.Rows, fieldRow{Name: part(f.Name), Value: part(f.Value)})
	}
}
