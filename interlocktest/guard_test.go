package interlocktest_test

import (
	"net/http"
	"strings"
)

// rejecting is a guard in front of a handler of gorilla/websocket: it rejects what the library accepts
// against the RFCs.
func rejecting(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Sec-WebSocket-Key", "Sec-WebSocket-Version"} {
			if values := r.Header.Values(name); len(values) > 1 || len(values) == 1 && strings.Contains(values[0], ",") {
				w.Header().Set("Sec-WebSocket-Version", "13")
				http.Error(w, "send "+name+" once", http.StatusBadRequest)
				return
			}
		}
		if !r.ProtoAtLeast(1, 1) || !strings.HasPrefix(r.RequestURI, "/") && !strings.Contains(r.RequestURI, "://") {
			http.Error(w, "not a request for a WebSocket", http.StatusBadRequest)
			return
		}
		handler.ServeHTTP(w, r)
	})
}
