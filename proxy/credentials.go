package proxy

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// credentials are digests of what the users of a proxy have to show (RFC 7617); nil: nobody has to.
type credentials [][sha256.Size]byte

func newCredentials(users map[string]string) credentials {
	var all credentials
	for name, password := range users {
		all = append(all, sha256.Sum256([]byte(name+":"+password)))
	}
	return all
}

// admit reports whether a request shows the credentials of a user. How long that takes does not
// depend on whose they are, nor on how much of them is right.
func (all credentials) admit(q *wire.Request) bool {
	if len(all) == 0 {
		return true
	}
	if q.Count("Proxy-Authorization") != 1 {
		return false
	}
	var shown [sha256.Size]byte
	for value := range q.Values("Proxy-Authorization") {
		scheme, token, _ := strings.Cut(string(q.Text(value)), " ")
		text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(token))
		if err != nil || !wire.EqualFold(scheme, "Basic") {
			return false
		}
		shown = sha256.Sum256(text)
	}
	found := 0
	for _, each := range all {
		found |= subtle.ConstantTimeCompare(shown[:], each[:])
	}
	return found == 1
}

// challenge is the field that asks for credentials.
const challenge = `Proxy-Authenticate: Basic realm="interlock", charset="UTF-8"`
