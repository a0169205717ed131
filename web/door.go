package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxBody is how many bytes a request may have behind its head.
const maxBody = 64 << 10

// A door lets callers in or not. What stands behind it knows who they are.
type door struct {
	token    string
	loopback bool     // the listener is reached from this machine only
	names    []string // that the Host field may have beside addresses
	secure   bool     // it speaks TLS

	sessions sessions
	attempts attempts
}

// limited sets the fields that every answer has, and bounds what a request may have.
func limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// guard refuses what comes under a foreign name (DNS rebinding), writes that a page of another origin caused, and callers
// without the token where one is needed.
func (d *door) guard(next http.Handler) http.Handler {
	private := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isPublic(r.URL.Path), d.token == "" && d.loopback, d.bears(r):
			next.ServeHTTP(w, r)
		case d.token == "":
			refuse(w, http.StatusForbidden, "an admin address beyond loopback needs a token: name a file with one by admin_token_file or INTERLOCK_ADMIN_TOKEN_FILE")
		case r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html"):
			http.Redirect(w, r, "/login?"+url.Values{"to": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="interlock"`)
			refuse(w, http.StatusUnauthorized, "the token is missing or wrong: send Authorization: Bearer TOKEN, or open /login")
		}
	})
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "a page of another origin must not write here")
	}))
	inner := cross.Handler(private)
	return limited(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isOpen(r.URL.Path):
			next.ServeHTTP(w, r)
		case !d.known(r.Host):
			refuse(w, http.StatusMisdirectedRequest, "the Host field names no address of this listener; admin.names lists further names")
		default:
			inner.ServeHTTP(w, r)
		}
	}))
}

// known tells whether a Host field names this listener: a page that another name leads here has that name in it.
func (d *door) known(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "localhost" || slices.Contains(d.names, name) {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && (ip.IsLoopback() || !d.loopback)
}

// bears tells whether the request carries the token, or the cookie of somebody who has shown it.
func (d *door) bears(r *http.Request) bool {
	if d.token == "" {
		return false
	}
	if given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return d.is(given)
	}
	c, err := r.Cookie(d.cookie())
	return err == nil && d.sessions.has(c.Value)
}

// is tells whether a text is the token, in a time that says nothing about it.
func (d *door) is(text string) bool {
	want, got := sha256.Sum256([]byte(d.token)), sha256.Sum256([]byte(text))
	return d.token != "" && subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
