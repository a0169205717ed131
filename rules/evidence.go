package rules

import (
	"bytes"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// maxQuoted is the maximum number of bytes of a value that a finding quotes; the spans show the
// rest.
const maxQuoted = 80

// quote returns bytes from the wire in quotation marks, with the escapes of transcripts and \" for
// everything that is not printable ASCII: a Kelvin sign must not look like a K, and strconv.Unquote
// can read every byte back. Tokens are blanked out.
func quote[T ~string | ~[]byte](text T) string {
	text = withoutTokens(text)
	if len(text) > maxQuoted {
		return quote(text[:maxQuoted]) + "..."
	}
	return `"` + strings.ReplaceAll(wire.Escape([]byte(text)), `"`, `\"`) + `"`
}

// Quote quotes text from the wire for a sentence: in printable ASCII, shortened, with tokens
// blanked out.
func Quote(text string) string { return quote(text) }

// values quotes the values of all headers with that name, without user information and tokens.
func values(h *wire.Head, name string) string {
	var all []string
	for v := range h.Values(name) {
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

// members quotes the protocols of an Upgrade header.
func members(protocols []wire.Protocol) string {
	all := make([]string, 0, len(protocols))
	for _, m := range protocols {
		all = append(all, m.String())
	}
	return quote(strings.Join(all, ", "))
}

// fieldSpans returns the spans of all header lines with one of the names.
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
func requestValues(c *Case, name string) string {
	if isSecret([]byte(name), c.X.Secret(wire.FromClient)) {
		return "a secret value"
	}
	return values(&c.X.Request.Head, name)
}

// responseValues quotes the values of a header of the response.
func responseValues(c *Case, name string) string {
	if isSecret([]byte(name), c.X.Secret(wire.FromServer)) {
		return "a secret value"
	}
	return values(&c.X.Response.Head, name)
}
