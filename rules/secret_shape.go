package rules

import (
	"bytes"
	"strings"
)

// minToken is how many characters after eyJ make a token. Base64 of a JSON object starts with eyJ.
const minToken = 12

// blankTokens blanks out whatever has the shape of a JSON web token (RFC 7519 §3), or of another
// JSON object in base64. In a path a token ends at the next slash; elsewhere it may contain
// slashes.
func blankTokens(b []byte, path bool) {
	for {
		i := bytes.Index(b, []byte("eyJ"))
		if i < 0 {
			return
		}
		end := i + len("eyJ")
		for end < len(b) && isTokenByte(b[end], path) {
			end++
		}
		if end-i >= len("eyJ")+minToken && beginsWord(b[:i]) {
			blank(b[i:end])
		}
		b = b[end:]
	}
}

// hasToken reports whether text has the shape of a token in it.
func hasToken(text string) bool {
	if !strings.Contains(text, "eyJ") {
		return false
	}
	shown := []byte(text)
	blankTokens(shown, true)
	return string(shown) != text
}

// withoutTokens returns text with whatever has the shape of a token blanked out.
func withoutTokens[T ~string | ~[]byte](text T) T {
	if !hasToken(string(text)) {
		return text
	}
	shown := []byte(string(text))
	blankTokens(shown, false)
	return T(shown)
}

// beginsWord reports whether a word may start after b, which may end in a percent-encoded byte.
func beginsWord(b []byte) bool {
	n := len(b)
	return n == 0 || !isLetterOrDigit(b[n-1]) || n >= 3 && b[n-3] == '%' && hexValue(b[n-2]) >= 0 && hexValue(b[n-1]) >= 0
}

func isTokenByte(c byte, path bool) bool {
	switch c {
	case '-', '_', '.', '~', '+', '=', '%':
		return true
	case '/':
		return !path
	}
	return isLetterOrDigit(c)
}

func isLetterOrDigit(c byte) bool { return isLower(c) || isUpper(c) || '0' <= c && c <= '9' }

// isOpaque reports whether text is a string that a program made, and long enough for a secret.
func isOpaque(text []byte) bool {
	const shortest = 16
	return len(text) >= shortest && (isIdentifier(string(text)) || hasToken(string(text)))
}

// isConnectionToken reports whether the value of a parameter named id opens a connection, as
// SignalR's does. Numbers, UUIDs and words identify other things.
func isConnectionToken(value []byte) bool {
	const shortest, uuid = 20, 36
	digits := len(bytes.Trim(value, "0123456789")) == 0
	return len(value) >= shortest && !digits && !(len(value) == uuid && bytes.Count(value, []byte("-")) == 4) && isIdentifier(string(value))
}
