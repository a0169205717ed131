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

// maxBody is the largest request body, in bytes.
const maxBody = 64 << 10

// An authenticator admits callers or rejects them.
type authenticator struct {
	token    string
	loopback bool     // the listener is reached from this machine only
	names    []string // that the Host field may have beside addresses
	secure   bool     // it speaks TLS

	sessions sessions
	attempts attempts
}

// limited sets the headers that every response has, and limits the size of request bodies.
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

// guard rejects requests with a foreign Host (DNS rebinding), cross-origin writes, and requests
// without the token if one is required.
func (a *authenticator) guard(next http.Handler) http.Handler {
	private := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, bearer := bearerOf(r)
		switch {
		case isPublic(r.URL.Path), a.token == "" && a.loopback:
			next.ServeHTTP(w, r)
		case bearer && a.token != "" && !a.attempts.left(r): // also for the right token, or guesses would go on
			tooMany(w)
		case bearer && a.is(given), !bearer && a.hasSession(r):
			next.ServeHTTP(w, r)
		case bearer && a.token != "" && !a.attempts.allow(r): // others were faster
			tooMany(w)
		case a.token == "":
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
		case !a.known(r.Host):
			refuse(w, http.StatusMisdirectedRequest, "the Host field names no address of this listener; admin.names lists further names")
		default:
			inner.ServeHTTP(w, r)
		}
	}))
}

// known reports whether a Host field names this listener: a page that another name leads here has
// that name in it.
func (a *authenticator) known(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "localhost" || slices.Contains(a.names, name) {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && (ip.IsLoopback() || !a.loopback)
}

func tooMany(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "10")
	refuse(w, http.StatusTooManyRequests, "too many wrong tokens came from this address: wait ten seconds")
}

// bearerOf is the token that a request gives in its Authorization field.
func bearerOf(r *http.Request) (token string, ok bool) {
	return strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// hasSession reports whether the request has the cookie of a session.
func (a *authenticator) hasSession(r *http.Request) bool {
	c, err := r.Cookie(a.cookie())
	return err == nil && a.token != "" && a.sessions.has(c.Value)
}

// is compares a text with the token in constant time.
func (a *authenticator) is(text string) bool {
	want, got := sha256.Sum256([]byte(a.token)), sha256.Sum256([]byte(text))
	return a.token != "" && subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
