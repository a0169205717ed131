package rules

import (
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// maxTemplate is the maximum length of an endpoint template, in bytes.
const maxTemplate = 256

// EndpointOf returns the template of an exchange's endpoint. A probe belongs to the endpoint that
// it tests, whatever its target.
func EndpointOf(x *wire.Exchange) string {
	if x.Aim != "" {
		return Template(x.Aim)
	}
	return Template(x.Request.Target)
}

// Template returns the endpoint of a request target: its path, with {id} for each segment that
// looks like an identifier, at most 256 bytes of printable ASCII. Query and fragment are cut. An
// absolute URL is reduced to its path, and anything else (such as the host and port of a CONNECT)
// is {authority}. The template of a template is itself.
func Template(target string) string {
	path, ok := pathOf(target)
	if !ok || len(path) == len(target) && isTemplate(path) {
		return path
	}
	path = sockJS(path)
	var b strings.Builder
	b.Grow(min(len(path)+8, maxTemplate+8))
	for more := true; more && b.Len() <= maxTemplate; {
		var segment string
		segment, path, more = strings.Cut(path, "/")
		if isIdentifier(segment) {
			b.WriteString("{id}")
		} else {
			writePrintable(&b, asIdentifiers(segment))
		}
		if more {
			b.WriteByte('/')
		}
	}
	if b.Len() <= maxTemplate {
		return b.String()
	}
	return b.String()[:maxTemplate-len(cutMark)] + cutMark
}

// isTemplate reports whether a path is a template already.
func isTemplate(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if isIdentifier(segment) || asIdentifiers(segment) != segment || strings.ContainsFunc(segment, func(r rune) bool { return r < '!' || r > '~' }) {
			return false
		}
	}
	return len(path) <= maxTemplate
}

// cutMark ends a template that was too long. It contains a byte that no identifier has, so the text
// before it is not taken for one.
const cutMark = "~"

// pathOf returns the path of a target. ok is false if there is none; then path is the whole
// template.
func pathOf(target string) (path string, ok bool) {
	if target == "" || target == "*" {
		return target, false
	}
	if target[0] != '/' {
		_, rest, absolute := strings.Cut(target, "://")
		if !absolute {
			return "{authority}", false
		}
		i := strings.IndexAny(rest, "/?#")
		if i < 0 || rest[i] != '/' {
			return "/", false
		}
		target = rest[i:]
	}
	if i := strings.IndexAny(target, "?#"); i >= 0 {
		target = target[:i]
	}
	return target, true
}

// writePrintable writes a segment with every byte that is not printable ASCII as a percent-encoded
// one, and no more of it than a template can hold.
func writePrintable(b *strings.Builder, segment string) {
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(segment) && b.Len() <= maxTemplate; i++ {
		if c := segment[i]; '!' <= c && c <= '~' {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
}

// asIdentifiers returns a path segment with {id} for a token, and for path parameters that differ
// between clients.
func asIdentifiers(segment string) string {
	if user, host := strings.IndexByte(segment, ':'), strings.LastIndexByte(segment, '@'); user >= 0 && user < host {
		segment = "{id}" + segment[host:]
	}
	if !strings.Contains(segment, "=") {
		if hasToken(segment) {
			return "{id}"
		}
		return segment
	}
	var none Redaction
	parameters := strings.Split(segment, ";")
	for i, parameter := range parameters {
		if name, value, ok := strings.Cut(parameter, "="); ok && (none.hides([]byte(name)) || isIdentifier(value) || hasToken(value)) {
			parameters[i] = name + "={id}"
		}
	}
	return strings.Join(parameters, ";")
}

// isIdentifier reports whether a program generated the name of a path segment: digits only, a UUID,
// at least 8 hexadecimal digits, or at least 16 characters of base64. Text that could be words is
// not taken for base64: there must be a digit, and either letters of both cases or no separator.
func isIdentifier(s string) bool {
	var digits, hexes, upper, lower, marks, hyphens int
	s = strings.TrimRight(s, "=")
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			digits++
		case 'a' <= c && c <= 'z':
			lower++
			if c <= 'f' {
				hexes++
			}
		case 'A' <= c && c <= 'Z':
			upper++
			if c <= 'F' {
				hexes++
			}
		case c == '-':
			hyphens++
		case c == '+', c == '_':
			marks++
		default:
			return false
		}
	}
	switch n := len(s); {
	case n == 0:
		return false
	case digits == n, digits+hexes == n && n >= 8:
		return true
	case n == 36 && digits+hexes == 32 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-':
		return true
	default:
		return n >= 16 && digits > 0 && (upper > 0 && lower > 0 || marks+hyphens == 0)
	}
}
