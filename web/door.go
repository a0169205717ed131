package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"slices"
	"strings"
)

// A door lets callers in or not. What stands behind it knows who they are.
type door struct {
	token    string
	loopback bool     // the listener is reached from this machine only
	names    []string // that the Host field may have beside addresses of this machine
}

// open are the paths that anybody may ask for.
func open(path string) bool { return path == "/healthz" || path == "/readyz" || path == "/metrics" }

// guard refuses what comes under a foreign name (DNS rebinding), writes that a page of another origin caused, and
// callers without the token where one is needed.
func (d *door) guard(next http.Handler) http.Handler {
	inner := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		switch {
		case open(r.URL.Path):
		case !d.known(r.Host):
			refuse(w, http.StatusMisdirectedRequest, "the Host field names no address of this listener")
			return
		case d.token == "" && !d.loopback:
			refuse(w, http.StatusForbidden, "an admin address beyond loopback needs a token: set admin_token_file (INTERLOCK_ADMIN_TOKEN_FILE)")
			return
		case !d.bears(r):
			h.Set("WWW-Authenticate", `Bearer realm="interlock"`)
			refuse(w, http.StatusUnauthorized, "the token is missing or wrong: send Authorization: Bearer TOKEN")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		inner.ServeHTTP(w, r)
	})
}

// known tells whether a Host field names this listener: a page that another name leads here has that name in it.
func (d *door) known(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if slices.Contains(d.names, name) {
		return true
	}
	ip := net.ParseIP(name)
	if d.loopback {
		return name == "localhost" || ip != nil && ip.IsLoopback()
	}
	return ip != nil
}

// bears tells whether the request carries the token, if there is one.
func (d *door) bears(r *http.Request) bool {
	if d.token == "" {
		return true
	}
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	want, got := sha256.Sum256([]byte(d.token)), sha256.Sum256([]byte(given))
	return ok && subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
