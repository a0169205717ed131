package rules

import (
	"bytes"
	"encoding/base64"

	"github.com/interlock-proxy/interlock/wire"
)

// redactHead blanks out the secrets of a head, or of bytes that look like one. It works on lines,
// not on parsed headers, so that no secret remains in any way of reading a head that parsers read
// differently. It does not look at the request target.
func (d *Redaction) redactHead(b []byte) {
	h := headRedaction{Redaction: d}
	for line := range bytes.Lines(b) {
		folded := line[0] == ' ' || line[0] == '\t'
		h.hidden, h.protocols = h.hidden && folded, h.protocols && folded
		if folded && h.protocols {
			h.announced = d.redactProtocols(bytes.TrimRight(line, "\r\n"), h.announced)
		}
		for len(line) > 0 && !h.hidden {
			piece := line
			if cr := bytes.IndexByte(line, '\r'); cr >= 0 {
				piece = line[:cr+1]
			}
			h.piece(piece, line)
			line = line[len(piece):]
		}
		if h.hidden && folded {
			blank(line)
		}
	}
}

// headRedaction is the state of reading the lines of a head.
type headRedaction struct {
	*Redaction
	hidden    bool // the header is secret, and so are its continuation lines
	protocols bool // it is a list of subprotocols
	announced bool // the previous subprotocol says that the next one is a token
}

// piece redacts what one parser or another takes for a line; rest begins at that line and reaches
// to the end.
func (h *headRedaction) piece(piece, rest []byte) {
	name, value, colon := bytes.Cut(piece[1:], []byte(":")) // the name of a pseudo-header begins with one
	name = piece[:len(name)+1]
	if !colon && piece[0] == ':' {
		name, value, colon = nil, piece[1:], true
	}
	if name = bytes.TrimSpace(name); !colon {
		blankTokens(piece, false)
		if folds := piece[0] == ' ' || piece[0] == '\t'; folds {
			h.redactQuery(piece, 0)
		}
		return
	}
	switch {
	case wire.EqualFold(name, protocolField):
		if !h.allows(protocolField) {
			h.announced, h.protocols = h.redactProtocols(value, h.announced), true
		}
	case h.allows("Cookie") && wire.EqualFold(name, "Cookie"), h.allows("Set-Cookie") && wire.EqualFold(name, "Set-Cookie"):
		h.redactPairs(value)
		blankTokens(piece, false)
		return
	case h.hides(name):
		h.hidden = true
		blank(rest[len(piece)-len(value):])
		return
	case isNonce(name, value):
		return
	}
	h.redactValue(name, value)
	blankTokens(piece, false)
}

// isNonce reports whether a header has the key of a WebSocket handshake, or the answer to it: base64 of 16 or 20
// bytes (RFC 6455 §4.1). It is chance if that begins like a path or like a token, and no secret.
func isNonce(name, value []byte) bool {
	value = bytes.TrimSpace(value)
	size := 0
	switch len(value) {
	case 24:
		if wire.EqualFold(name, keyField) {
			size = 16
		}
	case 28:
		if wire.EqualFold(name, acceptField) {
			size = 20
		}
	}
	if size == 0 {
		return false
	}
	var room [21]byte
	n, err := base64.StdEncoding.Decode(room[:], value)
	return err == nil && n == size
}

// redactValue blanks out secrets in the value of a header that is not secret itself. Many contain
// URLs.
func (d *Redaction) redactValue(name, value []byte) {
	value = bytes.TrimSpace(value)
	for _, scheme := range [...]string{"bearer ", "basic ", "negotiate "} {
		if n := len(scheme); len(value) > n && wire.EqualFold(value[:n], scheme) && !isChallenge(name) && !d.allows(string(name)) {
			blank(value[n:])
		}
	}
	if wire.EqualFold(name, "Host") || wire.EqualFold(name, ":authority") {
		blankUser(value)
	}
	switch {
	case len(value) > 0 && value[0] == '/':
		d.redactTarget(value)
	case bytes.IndexByte(value, '=') >= 0 || bytes.Contains(value, []byte("://")):
		redactUser(value)
		d.redactQuery(value, 0)
	}
}

// isChallenge reports whether a header lists the schemes that a server accepts, and no credentials.
func isChallenge(name []byte) bool {
	return wire.EqualFold(name, "WWW-Authenticate") || wire.EqualFold(name, "Proxy-Authenticate")
}

// redactPairs blanks out the secret ones of cookies that are shown.
func (d *Redaction) redactPairs(cookies []byte) {
	for pair := range bytes.SplitSeq(cookies, []byte(";")) {
		if name, value, ok := bytes.Cut(pair, []byte("=")); ok && d.hides(bytes.TrimSpace(name)) {
			blank(bytes.TrimRight(value, "\r\n"))
		}
	}
}
