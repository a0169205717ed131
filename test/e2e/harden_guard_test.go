//go:build e2e

package e2e

import (
	"net/http"
	"regexp"
	"strings"
)

// recipe: go
var (
	keyRE  = regexp.MustCompile(`^[A-Za-z0-9+/]{22}==$`)
	connRE = regexp.MustCompile(`(?i)(^|,)[ \t]*upgrade[ \t]*(,|$)`)
	wsRE   = regexp.MustCompile(`^[Ww][Ee][Bb][Ss][Oo][Cc][Kk][Ee][Tt]$`) // (?i) would take the Kelvin sign for k
	hostRE = regexp.MustCompile(`^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]+)?$`)
)

func validHandshake(r *http.Request) bool {
	h := func(name string) string { return strings.Join(r.Header.Values(name), ",") }
	return r.Method == "GET" && r.Proto == "HTTP/1.1" && r.ContentLength == 0 && strings.HasPrefix(r.URL.Path, "/") &&
		connRE.MatchString(h("Connection")) && wsRE.MatchString(h("Upgrade")) && hostRE.MatchString(r.Host) &&
		h("Sec-WebSocket-Version") == "13" && keyRE.MatchString(h("Sec-WebSocket-Key"))
}

// StrictUpgrade answers 400 to a malformed upgrade request.
func StrictUpgrade(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header.Values("Upgrade")) > 0 && !validHandshake(r) {
			w.Header().Set("Connection", "close")
			w.Header().Set("Sec-WebSocket-Version", "13")
			http.Error(w, "bad WebSocket handshake", http.StatusBadRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
