package rules

import (
	"bytes"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// RedactTarget is a request target with every secret blanked out, byte for byte, by asterisks: the values of the query
// parameters token, access_token, ticket, key, sig, jwt and code and of those named in names, whatever the case of their
// letters and however percent-encoded, and the user information of an absolute-form.
func RedactTarget(target string, names ...string) string {
	b := []byte(target)
	redactTarget(b, names)
	return string(b)
}

func redactTarget(b []byte, names []string) {
	if i := bytes.Index(b, []byte("://")); i >= 0 && b[0] != '/' {
		authority := b[i+3:]
		if end := bytes.IndexAny(authority, "/?#"); end >= 0 {
			authority = authority[:end]
		}
		blank(authority[:bytes.LastIndexByte(authority, '@')+1])
	}
	redactQuery(b, names)
}

// redactQuery blanks out secret parameters. A name may stand behind any of ? & ; #; a value reaches to the next &, which
// is the only separator that all parsers agree on.
func redactQuery(b []byte, names []string) {
	for {
		i := bytes.IndexAny(b, "?&;#")
		if i < 0 {
			return
		}
		b = b[i+1:]
		name := b
		if end := bytes.IndexAny(b, "?&;#="); end >= 0 {
			name = b[:end]
		}
		if len(name) == len(b) || b[len(name)] != '=' || !isSecret(name, names) {
			continue
		}
		value := b[len(name)+1:]
		if end := bytes.IndexByte(value, '&'); end >= 0 {
			value = value[:end]
		}
		blank(value)
	}
}

func isSecret(name []byte, further []string) bool {
	name = unescape(name)
	for _, s := range [...]string{"token", "access_token", "ticket", "key", "sig", "jwt", "code"} {
		if wire.EqualFold(name, s) {
			return true
		}
	}
	for _, s := range further {
		if wire.EqualFold(name, s) {
			return true
		}
	}
	return false
}

// unescape decodes what is percent-encoded. A percent sign that begins no such triplet stands for itself.
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

// redactHead blanks out the secrets of a head, or of bytes that look like one. It goes by lines and not by fields, so
// that a head that parsers read in different ways has no secret left in any of these readings. The part that is the
// request's target is none of its business.
func redactHead(b []byte, names []string) {
	hidden, bearer := false, false
	for line := range bytes.Lines(b) {
		folded := line[0] == ' ' || line[0] == '\t'
		hidden = hidden && folded
		for len(line) > 0 && !hidden {
			piece := line
			if cr := bytes.IndexByte(line, '\r'); cr >= 0 {
				piece = line[:cr+1]
			}
			name, value, colon := bytes.Cut(piece, []byte(":"))
			switch name = bytes.TrimSpace(name); {
			case !colon:
			case isCredential(name):
				hidden = true
				blank(line[len(piece)-len(value):])
			case wire.EqualFold(name, "Sec-WebSocket-Protocol"):
				bearer = redactProtocols(value, bearer)
			case wire.EqualFold(name, "Referer"), wire.EqualFold(name, "Location"):
				redactTarget(bytes.TrimSpace(value), names)
			}
			line = line[len(piece):]
		}
		if hidden && folded {
			blank(line)
		}
	}
}

func isCredential(name []byte) bool {
	for _, s := range [...]string{"Authorization", "Cookie", "Set-Cookie", "Proxy-Authorization"} {
		if wire.EqualFold(name, s) {
			return true
		}
	}
	return false
}

// longProtocol is a length that no name of a subprotocol reaches, and every token does.
const longProtocol = 40

// redactProtocols blanks out the elements of a list of subprotocols that carry a token: those behind a word that
// announces one, those with the word bearer in them from there on, JSON web tokens, and very long ones. It takes and
// returns whether the element before announced a token.
func redactProtocols(list []byte, announced bool) bool {
	for element := range bytes.SplitSeq(list, []byte(",")) {
		element = bytes.TrimSpace(element)
		if len(element) == 0 {
			continue
		}
		folded := bytes.ToLower(element)
		at := bytes.Index(folded, []byte("bearer"))
		switch {
		case announced, bytes.HasPrefix(element, []byte("eyJ")):
			blank(element)
		case at >= 0:
			const kubernetes = ".authorization.k8s.io."
			at += len("bearer")
			if bytes.HasPrefix(folded[at:], []byte(kubernetes)) {
				at += len(kubernetes)
			} else if at < len(element) {
				at++ // what separates the word from the token
			}
			blank(element[at:])
		case len(element) >= longProtocol:
			blank(element)
		}
		announced = announces(folded)
	}
	return announced
}

func announces(word []byte) bool {
	switch string(word) {
	case "bearer", "token", "access_token", "jwt", "authorization", "auth":
		return true
	}
	return false
}

// blank overwrites text by asterisks. White space in front and line ends stay: they say where fields begin and end.
func blank(b []byte) {
	b = bytes.TrimLeft(b, " \t")
	for i, c := range b {
		if c != '\r' && c != '\n' {
			b[i] = '*'
		}
	}
}
