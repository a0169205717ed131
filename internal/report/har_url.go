package report

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// harURLs makes the absolute URIs of requests, which every entry of a HAR file must have.
type harURLs struct {
	last  string // the last URI of only scheme and authority that was checked
	valid bool
}

// of returns the absolute URI of a request. Bytes of the target that are not valid in a URI are
// percent-encoded; the head has the original.
func (u *harURLs) of(x *wire.Exchange, q *wire.Request) string {
	scheme := "http"
	if x.Protocol() == "websocket" {
		scheme = "ws"
	}
	if x.ClientTLS || x.BackendTLS {
		scheme += "s"
	}
	host, _ := q.Host()
	for _, host := range []string{host, x.Backend} {
		if host != "" && u.isAuthority(scheme, host) {
			return scheme + "://" + host + harPath(q.Target)
		}
	}
	return scheme + "://unknown.invalid" + harPath(q.Target)
}

// isAuthority reports whether a URI of only scheme and authority has exactly that host.
func (u *harURLs) isAuthority(scheme, host string) bool {
	if uri := scheme + "://" + host; uri != u.last {
		is, err := url.Parse(uri)
		u.last = uri
		u.valid = err == nil && is.Host == host && is.User == nil && !strings.ContainsFunc(host, func(r rune) bool {
			return r > '~' || strings.ContainsRune("\"<>\\^`{|}%", r)
		})
	}
	return u.valid
}

// harPath is path and query of a target.
func harPath(target string) string {
	if _, rest, absolute := strings.Cut(target, "://"); absolute && target[0] != '/' {
		target = ""
		if i := strings.IndexAny(rest, "/?"); i >= 0 {
			target = rest[i:]
		}
	}
	if target == "" || target[0] != '/' {
		target = "/" + target
	}
	if !strings.ContainsFunc(target, func(r rune) bool { return r > '~' || r == '%' || !isURI(byte(r)) }) {
		return target
	}
	var b strings.Builder
	for i := range len(target) {
		switch c := target[i]; {
		case c == '%' && i+2 < len(target) && isHex(target[i+1]) && isHex(target[i+2]), c != '%' && isURI(c):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

// isURI reports whether a byte may appear in a path or query as it is (RFC 3986 §3.3, §3.4).
func isURI(c byte) bool {
	return c > ' ' && c <= '~' && strings.IndexByte("\"#<>[\\]^`{|}", c) < 0
}

// harQuery are the parameters of a target.
func harQuery(target string) []harPair {
	pairs := []harPair{}
	_, query, _ := strings.Cut(target, "?")
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		pairs = append(pairs, harPair{name, value})
	}
	return pairs
}
