package wire

import (
	"strings"

	"github.com/interlock-proxy/interlock/wire/h2"
)

// HTTP2Head returns the text of a field block, as a [Head] of HTTP/2 has it. Fields beyond MaxHead are left
// out.
func HTTP2Head(fields []h2.Field) []byte {
	raw, _ := renderHead(fields, MaxHead)
	return raw
}

// HTTP2Fields returns the fields of a head that came in HTTP/2, in their order: what [HTTP2Head] was made
// from.
func (h *Head) HTTP2Fields() []h2.Field {
	fields := make([]h2.Field, 0, len(h.Fields))
	for _, f := range h.Fields {
		fields = append(fields, h2.Field{Name: fieldName(h.Text(f.Name)), Value: strings.ReplaceAll(string(h.Text(f.Value)), "\n ", "\n")})
	}
	return fields
}

// fieldName is a name that renderName has written.
func fieldName(text []byte) string {
	if !strings.Contains(string(text), `\x`) {
		return string(text)
	}
	name := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if c := text[i:]; len(c) >= 4 && c[0] == '\\' && c[1] == 'x' && hexDigit(c[2]) >= 0 && hexDigit(c[3]) >= 0 {
			name = append(name, byte(hexDigit(c[2])<<4|hexDigit(c[3])))
			i += 3
			continue
		}
		name = append(name, text[i])
	}
	return string(name)
}

// Answer returns what happened to the request by its final response alone: what [Response.Outcome] says,
// and in HTTP/2 that a 2xx to an extended CONNECT opens a tunnel (RFC 8441 §5). The exchange has a
// response.
func (x *Exchange) Answer() Outcome {
	if o := x.Response.Outcome(); o != Ignored || !x.extended() {
		return o
	}
	return Switched
}

// AboutUpgrade reports whether a request in HTTP/2 has to do with an upgrade.
func (q *Request) AboutUpgrade() bool {
	for _, f := range q.HTTP2Fields() {
		if aboutUpgrade(f) {
			return true
		}
	}
	return false
}
