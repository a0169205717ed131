package wire

import (
	"fmt"
	"testing"
)

// TestResponsesThatPointToHTTP3AreCounted plays responses with Alt-Svc in both versions.
func TestResponsesThatPointToHTTP3AreCounted(t *testing.T) {
	for value, want := range map[string]int64{
		`h3=":443"; ma=86400`: 1, `h2=":443", h3-29=":443"; ma=3600`: 1, `clear`: 0, `h2=":443"`: 0, `H3=":443"`: 0, `h30=":443"`: 0, ``: 0,
	} {
		c, l := conversation(t, ">"+plain, fmt.Sprintf("<HTTP/1.1 200 OK\r\naLT-Svc: %s\r\nContent-Length: 0\r\n\r\n", value))
		c.Settle(CauseClient, start)
		if n := l.common.Counts.HTTP3.Load(); n != want {
			t.Errorf("%q in HTTP/1.1: counted %d, want %d", value, n, want)
		}
		w := newHTTP2Writer()
		w.head(FromClient, 1, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.test")
		w.head(FromServer, 1, true, ":status", "200", "alt-svc", value)
		w.head(FromClient, 3, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.test", "upgrade", "h2c")
		w.head(FromServer, 3, true, ":status", "403")
		_, c = heardHTTP2(w, false)
		if n := c.common.Counts.HTTP3.Load(); n != want {
			t.Errorf("%q in HTTP/2: counted %d, want %d", value, n, want)
		}
		if n := c.common.Counts.HTTP2Read.Load(); n != 1 {
			t.Errorf("%d connections of HTTP/2", n)
		}
	}
}
