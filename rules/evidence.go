package rules

import (
	"bytes"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// maxQuoted is how many bytes of a value a finding quotes; the spans show where the rest is.
const maxQuoted = 80

// quote is what was on the wire, between quotation marks, with the escapes of transcripts and \" for whatever is not printable
// ASCII: a Kelvin sign must not look like a K, and every byte can be read back with strconv.Unquote.
// Tokens are blanked out.
func quote[T ~string | ~[]byte](text T) string {
	text = withoutTokens(text)
	if len(text) > maxQuoted {
		return quote(text[:maxQuoted]) + "..."
	}
	return `"` + strings.ReplaceAll(wire.Escape([]byte(text)), `"`, `\"`) + `"`
}

// values quotes the values of all field lines with that name, without user information and tokens.
func values(h *wire.Head, name string) string {
	var all []string
	for v := range h.Named(name) {
		if len(all) == 4 {
			all = append(all, "...")
			break
		}
		text := bytes.Clone(h.Text(v))
		new(Redaction).redactValue([]byte(name), text)
		all = append(all, quote(text))
	}
	return strings.Join(all, ", ")
}

// members quotes the members of an Upgrade field.
func members(protocols []wire.Protocol) string {
	all := make([]string, 0, len(protocols))
	for _, m := range protocols {
		all = append(all, m.String())
	}
	return quote(strings.Join(all, ", "))
}

// fieldSpans are the spans of all field lines with one of the names.
func fieldSpans(part Part, h *wire.Head, names ...string) []Span {
	var at []Span
	for _, f := range h.Fields {
		for _, name := range names {
			if wire.EqualFold(h.Text(f.Name), name) {
				at = append(at, Span{part, f.Name.From, f.Value.To})
			}
		}
	}
	return at
}

// requestValues quotes the values of a header of the request.
func requestValues(c *Case, name string) string { return values(&c.X.Request.Head, name) }

// responseValues quotes the values of a header of the response.
func responseValues(c *Case, name string) string { return values(&c.X.Response.Head, name) }
