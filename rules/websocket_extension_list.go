package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

// An extension is one element of a Sec-WebSocket-Extensions header: a name and its parameters (RFC
// 6455 §9.1).
type extension struct {
	name       []byte
	parameters []parameter
	at         wire.Span
}

// A parameter belongs to an extension. The value of a quoted string is without its quotation marks
// and backslashes.
type parameter struct {
	name, value []byte
	valued      bool // there is a value, perhaps an empty one in quotation marks
}

// is reports whether the extension has that name. The RFC does not say that names are
// case-insensitive, but no two extensions differ in case only.
func (e *extension) is(name string) bool { return wire.EqualFold(e.name, name) }

// An extensionList is the content of the Sec-WebSocket-Extensions headers of a message. If a header
// does not match the grammar, the list holds what precedes the error.
type extensionList struct {
	extensions []extension
	broken     bool
	long       bool      // there are more than maxExtensions; the others were not read
	fault      wire.Span // from the element that breaks the grammar to the byte that does; empty for a list of nothing
}

// maxExtensions is how many extensions of a message are read. Real clients send two or three.
const maxExtensions = 256

// has reports whether an extension of that name is in the list.
func (l *extensionList) has(name []byte) bool {
	for i := range l.extensions {
		if wire.EqualFold(l.extensions[i].name, name) {
			return true
		}
	}
	return false
}

// readExtensions reads all Sec-WebSocket-Extensions headers of a head as one list. Whitespace may
// separate any two words, and elements may be empty, as in all lists of RFC 2616, whose notation
// RFC 6455 uses. A list without an extension is malformed.
func readExtensions(h *wire.Head) (l extensionList) {
	lines := 0
	for v := range h.Values(extensionField) {
		lines++
		r := extensionReader{raw: h.Raw, at: v.From, end: v.To}
		for r.space(); r.at < r.end; r.space() {
			if r.take(',') {
				continue
			}
			from := r.at
			if len(l.extensions) == maxExtensions {
				l.long = true
				return l
			}
			e, ok := r.extension()
			if ok = ok && (r.at == r.end || r.take(',')); !ok {
				l.broken, l.fault = true, wire.Span{From: from, To: min(r.at+1, r.end)}
				return l
			}
			l.extensions = append(l.extensions, e)
		}
	}
	l.broken = lines > 0 && len(l.extensions) == 0
	return l
}

// An extensionReader reads the value of one header line once.
type extensionReader struct {
	raw     []byte
	at, end int
}

// space skips whitespace, also at a folded line end, which another rule judges.
func (r *extensionReader) space() {
	for r.at < r.end && bytes.IndexByte([]byte(" \t\r\n"), r.raw[r.at]) >= 0 {
		r.at++
	}
}

// take skips one byte if it is the next one.
func (r *extensionReader) take(c byte) bool {
	if r.at < r.end && r.raw[r.at] == c {
		r.at++
		return true
	}
	return false
}

// token reads a token and the whitespace after it; it is empty if there is none.
func (r *extensionReader) token() []byte {
	from := r.at
	for r.at < r.end && wire.IsToken(r.raw[r.at:r.at+1]) {
		r.at++
	}
	word := r.raw[from:r.at]
	r.space()
	return word
}

// quoted reads a quoted string after its first quotation mark, and the whitespace after it.
func (r *extensionReader) quoted() (text []byte, ok bool) {
	text = []byte{}
	for ; r.at < r.end; r.at++ {
		switch c := r.raw[r.at]; {
		case c == '"':
			r.at++
			r.space()
			return text, true
		case c == '\\' && r.at+1 < r.end:
			r.at++
			text = append(text, r.raw[r.at])
		case c == '\\', c < ' ' && c != '\t', c == 0x7f:
			return text, false
		default:
			text = append(text, c)
		}
	}
	return text, false
}

// extension reads a name and its parameters.
func (r *extensionReader) extension() (e extension, ok bool) {
	from := r.at
	if e.name = r.token(); len(e.name) == 0 {
		return e, false
	}
	e.at = wire.Span{From: from, To: from + len(e.name)}
	for r.take(';') {
		r.space()
		p, ok := r.parameter(&e)
		if !ok {
			return e, false
		}
		e.parameters = append(e.parameters, p)
		e.at.To = r.at
	}
	for e.at.To > from && bytes.IndexByte([]byte(" \t\r\n"), r.raw[e.at.To-1]) >= 0 {
		e.at.To--
	}
	return e, true
}

// parameter reads a name and an optional value. A quoted value must be a token without its
// quotation marks; the endpoint identifiers of the Broadband Forum's registered extension, which
// contain colons, are the exception.
func (r *extensionReader) parameter(e *extension) (p parameter, ok bool) {
	if p.name = r.token(); len(p.name) == 0 {
		return p, false
	}
	if !r.take('=') {
		return p, true
	}
	r.space()
	p.valued = true
	if !r.take('"') {
		p.value = r.token()
		return p, len(p.value) > 0
	}
	at := r.at
	if p.value, ok = r.quoted(); ok && !wire.IsToken(p.value) && !e.is("bbf-usp-protocol") {
		r.at = at
		return p, false
	}
	return p, ok
}
