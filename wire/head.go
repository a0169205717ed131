package wire

import "iter"

// A Span is a range of bytes in the raw form of a head: From is the first byte, To the one after
// the last.
type Span struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// Len is the number of bytes in the span.
func (s Span) Len() int { return s.To - s.From }

// A Field is one field line of a head (RFC 9112 §5), as spans of [Head.Raw]. The value has no white
// space around it; the value of a folded line (obs-fold, RFC 9112 §5.2) reaches to the end of its
// last fold.
type Field struct{ Name, Value Span }

// A Head is the start line and the headers of one message. Raw is exactly what was on the wire,
// from empty lines before the start line to the empty line after the last header; everything else
// is a view of it. A head that an [Exchange] carries never changes.
type Head struct {
	Raw    []byte
	Start  Span // the start line without its line end
	Fields []Field
	Flaws  []Flaw

	framing framingFields
}

// Text is the part of the raw head that the span covers. It shares the memory of Raw.
func (h *Head) Text(s Span) []byte { return h.Raw[s.From:s.To] }

// Values yields the values of the header lines with that name, in order. Names are compared without
// regard to ASCII case and to nothing else (RFC 9110 §5.1).
func (h *Head) Values(name string) iter.Seq[Span] {
	return func(yield func(Span) bool) {
		for _, f := range h.Fields {
			if f.Name.To-f.Name.From == len(name) && EqualFold(h.Text(f.Name), name) && !yield(f.Value) {
				return
			}
		}
	}
}

// Value is the value of the first field line with that name; ok reports whether there is one.
func (h *Head) Value(name string) (value string, ok bool) {
	for s := range h.Values(name) {
		return string(h.Text(s)), true
	}
	return "", false
}

// Count is the number of field lines with that name.
func (h *Head) Count(name string) int {
	n := 0
	for range h.Values(name) {
		n++
	}
	return n
}

// Has reports whether there is a field line with that name.
func (h *Head) Has(name string) bool {
	for _, f := range h.Fields {
		if f.Name.To-f.Name.From == len(name) && EqualFold(h.Text(f.Name), name) {
			return true
		}
	}
	return false
}

// Flaw returns the first flaw of that kind; ok reports whether there is one.
func (h *Head) Flaw(kind FlawKind) (f Flaw, ok bool) {
	for _, f := range h.Flaws {
		if f.Kind == kind {
			return f, true
		}
	}
	return Flaw{}, false
}

// Ambiguous reports whether the RFCs leave open where the message ends, so that nothing is claimed
// about what follows it.
func (h *Head) Ambiguous() bool { return h.worst() != 0 }

// worst returns the first flaw that leaves open where the message ends; 0 if there is none.
func (h *Head) worst() FlawKind {
	for _, f := range h.Flaws {
		if f.Kind.Ambiguous() {
			return f.Kind
		}
	}
	return 0
}

// EqualFold reports whether a is b without regard to ASCII case. Unlike strings.EqualFold it does
// not fold the Kelvin sign (U+212A) to k, nor any other letter outside ASCII.
func EqualFold[A, B ~string | ~[]byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// IsToken reports whether b is a token (RFC 9110 §5.6.2): one or more letters, digits and some
// marks.
func IsToken[B ~string | ~[]byte](b B) bool {
	for i := range len(b) {
		if !isTokenByte(b[i]) {
			return false
		}
	}
	return len(b) > 0
}

func isTokenByte(c byte) bool {
	const (
		low  = uint64(1)<<'!' | 1<<'#' | 1<<'$' | 1<<'%' | 1<<'&' | 1<<'\'' | 1<<'*' | 1<<'+' | 1<<'-' | 1<<'.' | 0x3ff<<'0'
		high = uint64(1)<<('^'-64) | 1<<('_'-64) | 1<<('`'-64) | 1<<('|'-64) | 1<<('~'-64) | 0x3ffffff<<('A'-64) | 0x3ffffff<<('a'-64)
	)
	switch c >> 6 {
	case 0:
		return low>>c&1 != 0
	case 1:
		return high>>(c-64)&1 != 0
	}
	return false
}

func isOWS(c byte) bool { return c == ' ' || c == '\t' }

// trimOWS cuts optional white space (RFC 9110 §5.6.3) from both ends of a span.
func trimOWS(raw []byte, s Span) Span {
	for s.From < s.To && isOWS(raw[s.From]) {
		s.From++
	}
	for s.To > s.From && isOWS(raw[s.To-1]) {
		s.To--
	}
	return s
}

// spare is the head with nothing in it but the memory for another one.
func (h *Head) spare() Head { return Head{Fields: h.Fields[:0], Flaws: h.Flaws[:0]} }
