package rules

import (
	"bytes"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// Target is a request target with every secret blanked out, byte for byte, by asterisks: the values
// of parameters whose names are those of secrets, however percent-encoded; tokens by their shape;
// and user information.
func (d Redaction) Target(target string) string {
	b := []byte(target)
	if d.redactTarget(b); string(b) == target {
		return target
	}
	return string(b)
}

func (d *Redaction) redactTarget(b []byte) { d.redactTargetWithin(b, 0) }

// maxNested is the maximum depth of nested percent-encoded targets that are examined.
const maxNested = 3

func (d *Redaction) redactTargetWithin(b []byte, depth int) {
	switch {
	case bytes.HasPrefix(b, []byte("//")):
		blankUser(b[2:])
	case len(b) > 0 && b[0] != '/' && b[0] != '?':
		blankUser(b)
	}
	redactUser(b)
	path := b
	if i := bytes.IndexAny(b, "?#"); i >= 0 {
		path = b[:i]
	}
	d.redactPath(path)
	d.redactQuery(b[len(path):], depth)
}

// redactUser blanks out the user information of every URI in b.
func redactUser(b []byte) {
	for {
		i := bytes.Index(b, []byte("://"))
		if i < 0 {
			return
		}
		b = b[i+3:]
		blankUser(b)
	}
}

// blankUser blanks out the user information of the authority that b begins with.
func blankUser(b []byte) {
	if end := bytes.IndexAny(b, "/?#\"<> "); end >= 0 {
		b = b[:end]
	}
	blank(b[:max(0, bytes.LastIndexByte(b, '@'))])
}

// redactPath blanks out secrets in a path: the values of parameters, generated text after a segment
// such as ticket, and tokens.
func (d *Redaction) redactPath(path []byte) {
	announced := false
	for segment := range bytes.SplitSeq(path, []byte("/")) {
		if announced && isOpaque(segment) {
			blank(segment)
		}
		for parameter := range bytes.SplitSeq(segment, []byte(";")) {
			if name, value, ok := bytes.Cut(parameter, []byte("=")); ok && d.hides(name) {
				blank(value)
			}
		}
		announced = len(segment) > 0 && d.hides(segment)
	}
	blankTokens(path, true)
}

// redactQuery blanks out secret parameters and tokens. A name may follow any of ? & ; #; a value
// reaches to the next &, the only separator that all parsers agree on.
func (d *Redaction) redactQuery(b []byte, depth int) {
	blankTokens(b, false)
	for {
		i := bytes.IndexAny(b, "?&;#")
		if i < 0 {
			return
		}
		b = b[i+1:]
		piece := b
		if end := bytes.IndexAny(b, "?&;#"); end >= 0 {
			piece = b[:end]
		}
		name, value, ok := bytes.Cut(piece, []byte("="))
		switch {
		case !ok:
		case d.hides(name):
			value = b[len(name)+1:]
			if end := bytes.IndexByte(value, '&'); end >= 0 {
				value = value[:end]
			}
			blank(value)
		case wire.EqualFold(name, "id") && isConnectionToken(value) && !d.allows("id"), d.nests(value, depth):
			blank(value)
		}
	}
}

func (d *Redaction) allows(name string) bool {
	for _, s := range d.Allow {
		if wire.EqualFold(name, s) {
			return true
		}
	}
	return false
}

// nests reports whether a decoded value contains a secret, for example the target of a redirect.
func (d *Redaction) nests(value []byte, depth int) bool {
	if depth == maxNested || !bytes.ContainsRune(value, '%') {
		return false
	}
	plain := unescape(value)
	shown := bytes.Clone(plain)
	d.redactTargetWithin(shown, depth+1)
	return !bytes.Equal(plain, shown)
}

// unescape decodes percent-encoded text. A percent sign that does not start a triplet stays as it is.
func unescape(b []byte) []byte {
	if !bytes.ContainsRune(b, '%') {
		return b
	}
	plain := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) {
			high, low := hexValue(b[i+1]), hexValue(b[i+2])
			if high >= 0 && low >= 0 {
				plain = append(plain, byte(high<<4|low))
				i += 2
				continue
			}
		}
		plain = append(plain, b[i])
	}
	return plain
}

func hexValue(c byte) int { return strings.IndexByte("0123456789abcdef", c|0x20) }

// blank overwrites text with asterisks. White space at the beginning and line ends stay, because
// they show where headers begin and end.
func blank(b []byte) {
	b = bytes.TrimLeft(b, " \t")
	for i, c := range b {
		if c != '\r' && c != '\n' {
			b[i] = '*'
		}
	}
}
