package rules

import (
	"bytes"

	"github.com/interlock-proxy/interlock/wire"
)

// Denied reports whether a response demands credentials: 401, 403, or a redirection to a page to log
// in at.
func Denied(p *wire.Response) bool {
	switch {
	case p == nil:
		return false
	case p.Status == 401, p.Status == 403:
		return true
	case p.Status < 301 || p.Status > 308 || p.Status == 304:
		return false
	}
	return isLogin(first(&p.Head, "Location"))
}

// isLogin reports whether a Location is that of a page to log in at, by the words in it.
func isLogin(location []byte) bool {
	if i := bytes.IndexAny(location, "?#"); i >= 0 {
		location = location[:i]
	}
	words := append(append([]byte{' '}, appendWords(nil, location)...), ' ')
	for _, name := range [...]string{"login", "log in", "signin", "sign in", "logon", "auth", "oauth", "oauth2", "authorize", "authenticate", "sso", "saml", "saml2", "cas"} {
		if bytes.Contains(words, []byte(" "+name+" ")) {
			return true
		}
	}
	return false
}

// denial returns the status line of an answer that demands credentials; empty if the answer does not,
// or none came.
func denial(x *wire.Exchange) string {
	if x == nil || !Denied(x.Response) {
		return ""
	}
	return answerLine(x)
}

// answerLine returns the status line of an exchange that has a response, quoted.
func answerLine(x *wire.Exchange) string { return quote(x.Response.Text(x.Response.Start)) }

// granted reports whether an answer gives the client what it asked for.
func granted(x *wire.Exchange) bool {
	return x != nil && x.Response != nil && (x.Response.Status == 101 || x.Response.Status/100 == 2)
}
