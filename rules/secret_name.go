package rules

import (
	"bytes"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

// A Redaction is what a configuration changes in the table of secret names. The zero value changes
// nothing.
type Redaction struct {
	Names []string // further names of header fields and parameters whose values are secret
	Allow []string // names whose values are shown, unless they have the shape of a token
}

// hides reports whether the value of a name is secret, wherever the name is: in a header, a query,
// a cookie or a subprotocol.
func (d *Redaction) hides(name []byte) bool {
	name = unescape(name)
	for _, s := range d.Allow {
		if wire.EqualFold(name, s) {
			return false
		}
	}
	for _, s := range d.Names {
		if wire.EqualFold(name, s) {
			return true
		}
	}
	return isSecretName(name)
}

// isSecretName reports whether names of that pattern belong to secrets. Case does not matter, nor
// whether a name is one word, has separators or is in camel case. CookiE is read as cookie, too:
// letters in odd places start no words.
func isSecretName(name []byte) bool {
	if isCommonName(name) {
		return false
	}
	var room, lower [64]byte
	words := appendWords(room[:0], name)
	if hasSecret(words) {
		return true
	}
	if !slices.ContainsFunc(name, isUpper) {
		return false
	}
	flat := append(lower[:0], name...)
	for i, c := range flat {
		if isUpper(c) {
			flat[i] = c | 0x20
		}
	}
	again := appendWords(room[:0], flat)
	return len(again) != len(words) && hasSecret(again) // of the same length they are the same
}

// isCommonName reports whether a name is one of those that most messages have, as most write them. No
// secret has such a name, so that the others need not be split into words.
func isCommonName(name []byte) bool {
	switch string(name) {
	case "Host", "User-Agent", "Upgrade", "Connection", "Origin", "Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Pragma", "Date", "Server", "Via",
		"Content-Length", "Content-Type", "Sec-WebSocket-Version", "Sec-WebSocket-Key", "Sec-WebSocket-Accept", "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol",
		"Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP":
		return true
	}
	return false
}

// hasSecret reports whether words in lower case, with a space between two, are the name of a secret.
func hasSecret(words []byte) bool {
	var compactRoom [64]byte
	compact := compactRoom[:0]
	for _, c := range words {
		if c != ' ' {
			compact = append(compact, c)
		}
	}
	if isPublicName(words, compact) {
		return false
	}
	for i := range compact {
		if beginsWithSecret(compact[i:]) {
			return true
		}
	}
	if hasPrefix(words, "x amz ", "x amzn oidc", "cf access ", "x goog iap", "x ms client principal", "authentic") {
		return true
	}
	var last []byte
	for rest, more := words, true; more; {
		last, rest, more = bytes.Cut(rest, []byte(" "))
		if last = bytes.TrimRight(last, "0123456789"); isSecretWord(last) {
			return true
		}
	}
	return string(last) == "key" || string(compact) == "code" || string(compact) == "sign"
}

// beginsWithSecret reports whether a text begins with what makes a name secret wherever it is in it.
func beginsWithSecret(b []byte) bool {
	switch b[0] {
	case 'a':
		return hasPrefix(b, "apikey", "accesskey", "appkey", "authkey", "assertion", "authoriz")
	case 'b':
		return hasPrefix(b, "bearer")
	case 'c':
		return hasPrefix(b, "credential", "csrf")
	case 'j':
		return hasPrefix(b, "jwt")
	case 'p':
		return hasPrefix(b, "passw", "passphrase", "passcode", "pwd")
	case 's':
		return hasPrefix(b, "secret", "signature", "sharedkey", "session", "sessid", "saml")
	case 't':
		return hasPrefix(b, "token", "ticket")
	case 'x':
		return hasPrefix(b, "xsrf")
	}
	return false
}

// hasPrefix reports whether a text begins with one of the others.
func hasPrefix(b []byte, prefixes ...string) bool {
	for _, p := range prefixes {
		if len(b) >= len(p) && string(b[:len(p)]) == p {
			return true
		}
	}
	return false
}

// isSecretWord reports whether a word makes a name secret by itself, as auth does and author does
// not.
func isSecretWord(word []byte) bool {
	switch string(word) {
	case "auth", "authn", "authz", "oauth", "xauth", "authcode", "sid", "psid", "sess", "sig", "pass", "pw", "pin", "otp", "totp", "mfa",
		"hmac", "cred", "creds", "psk", "tkn", "sas", "cookie":
		return true
	}
	return false
}

// isPublicName reports whether a name contains a part of a secret's name and is not secret.
func isPublicName(words, compact []byte) bool {
	switch string(compact) {
	case "host", "connection", "upgrade", "origin", "useragent", "secwebsocketversion", "secwebsocketextensions", "secwebsocketaccept", // most of all
		"secwebsocketkey", "secwebsocketkey1", "secwebsocketkey2", "surrogatekey", "cachekey", "xcachekey", "publickey", "idempotencykey", "partitionkey",
		"routingkey", "sortkey", "wwwauthenticate", "proxyauthenticate", "maxtokens":
		return true
	}
	return bytes.HasPrefix(words, []byte("access control ")) || bytes.Contains(compact, []byte("ratelimit"))
}

// appendWords appends the words of a name in lower case, with a space between two.
func appendWords(b, name []byte) []byte {
	for i, c := range name {
		switch {
		case isUpper(c):
			if i > 0 && (isLower(name[i-1]) || isUpper(name[i-1]) && i+1 < len(name) && isLower(name[i+1])) {
				b = appendSpace(b)
			}
			b = append(b, c|0x20)
		case isLower(c), '0' <= c && c <= '9', c >= 0x80:
			b = append(b, c)
		default:
			b = appendSpace(b)
		}
	}
	return bytes.TrimRight(b, " ")
}

func appendSpace(b []byte) []byte {
	if len(b) == 0 || b[len(b)-1] == ' ' {
		return b
	}
	return append(b, ' ')
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
