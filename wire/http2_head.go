package wire

import (
	"bytes"
	"strings"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// http2Line is the first line of a head that came in HTTP/2. Such a head is written like one of HTTP/1.1:
// a line for each field in the order in which they came, pseudo-headers among them. Fields of HTTP/2 may
// have bytes that no line can have. A name with them is written with \xHH; a line end in a value has a
// space after it, as a fold has. So each head can be read from its text.
const http2Line = "HTTP/2\r\n"

// HTTP2 reports whether the head came in HTTP/2.
func (h *Head) HTTP2() bool { return bytes.HasPrefix(h.Raw, []byte(http2Line)) }

// renderHead returns the text of a field block, at most so many bytes, and whether that is all of it.
func renderHead(fields []h2.Field, most int) (raw []byte, whole bool) {
	size := len(http2Line) + 2
	for _, f := range fields {
		size += len(f.Name) + len(f.Value) + len(": \r\n")
	}
	raw = append(make([]byte, 0, min(size, most)), http2Line...)
	whole = true
	for _, f := range fields {
		before := len(raw)
		raw = renderName(raw, f.Name)
		raw = append(raw, ": "...)
		raw = renderValue(raw, f.Value)
		if raw = append(raw, "\r\n"...); len(raw) > most-2 {
			raw, whole = raw[:before], false
			break
		}
	}
	return append(raw, "\r\n"...), whole
}

func renderName(raw []byte, name string) []byte {
	rest, pseudo := strings.CutPrefix(name, ":")
	if pseudo {
		raw = append(raw, ':')
	}
	for i := range len(rest) {
		if c := rest[i]; isTokenByte(c) {
			raw = append(raw, c)
		} else {
			raw = append(raw, '\\', 'x', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		}
	}
	return raw
}

func renderValue(raw []byte, value string) []byte {
	for {
		line, rest, more := strings.Cut(value, "\n")
		raw = append(raw, line...)
		if !more {
			return raw
		}
		raw = append(raw, "\n "...)
		value = rest
	}
}

// scanHTTP2 reads the text of a head that came in HTTP/2.
func (h *Head) scanHTTP2() {
	h.Fields, h.Flaws, h.framing = h.Fields[:0], h.Flaws[:0], framingFields{length: -1}
	h.Start = Span{0, len("HTTP/2")}
	for from := len(http2Line); from < len(h.Raw); {
		text, next := h.http2Text(from)
		if from = next; text.Len() == 0 {
			return
		}
		h.scanHTTP2Field(text)
	}
	h.flaw(FlawHeadUnfinished, len(h.Raw))
}

// http2Text returns the text of the field that begins there, to a line end that no space follows, and
// where the next one begins.
func (h *Head) http2Text(from int) (text Span, next int) {
	for i := from; i < len(h.Raw); i++ {
		if h.Raw[i] != '\n' || i+1 < len(h.Raw) && h.Raw[i+1] == ' ' {
			continue
		}
		if i > from && h.Raw[i-1] == '\r' {
			return Span{from, i - 1}, i + 1
		}
		return Span{from, i}, i + 1
	}
	return Span{from, len(h.Raw)}, len(h.Raw)
}

func (h *Head) scanHTTP2Field(text Span) {
	line := h.Text(text)
	colon := bytes.Index(line[min(1, len(line)):], []byte(":")) + 1
	if colon == 0 {
		h.flaw(FlawNoColon, text.From)
		return
	}
	f := Field{Name: Span{text.From, text.From + colon}, Value: Span{min(text.From+colon+len(": "), text.To), text.To}}
	if name := bytes.TrimPrefix(h.Text(f.Name), []byte(":")); !IsToken(name) {
		h.flaw(FlawFieldName, f.Name.From)
	}
	if string(h.Text(f.Name)) == ":status" {
		h.Start = text
	}
	h.scanText(f.Value)
	h.Fields = append(h.Fields, f)
}

// pseudo returns the value of a pseudo-header; empty without one.
func (h *Head) pseudo(name string) string {
	value, _ := h.Value(name)
	return value
}
