package wire

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// TestResponsesThatPointToHTTP3AreCounted plays responses with Alt-Svc in both versions.
func TestResponsesThatPointToHTTP3AreCounted(t *testing.T) {
	for value, want := range map[string]int64{
		`h3=":443"; ma=86400`: 1, `h2=":443", h3-29=":443"; ma=3600`: 1, `clear`: 0, `h2=":443"`: 0, `H3=":443"`: 0, `h30=":443"`: 0, ``: 0,
	} {
		c, l := conversation(t, ">"+plain, fmt.Sprintf("<HTTP/1.1 200 OK\r\naLT-Svc: %s\r\nContent-Length: 0\r\n\r\n", value))
		c.Settle(CauseClient, start)
		if n, at := l.common.Counts.HTTP3.Load(), l.common.Counts.HTTP3.Where(); n != want || (at == " (staging.test)") != (n > 0) {
			t.Errorf("%q in HTTP/1.1: counted %d%s, want %d", value, n, at, want)
		}
		w := newHTTP2Writer()
		w.head(FromClient, 1, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.test")
		w.head(FromServer, 1, true, ":status", "200", "alt-svc", value)
		w.head(FromClient, 3, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.test", "upgrade", "h2c")
		w.head(FromServer, 3, true, ":status", "403")
		_, c = heardHTTP2(w, false)
		if n, at := c.common.Counts.HTTP3.Load(), c.common.Counts.HTTP3.Where(); n != want || (at == " (a.test)") != (n > 0) {
			t.Errorf("%q in HTTP/2: counted %d%s, want %d", value, n, at, want)
		}
		if n := c.common.Counts.HTTP2Read.Load(); n != 1 {
			t.Errorf("%d connections of HTTP/2", n)
		}
	}
}

// TestFramesThatPointToHTTP3AreCounted plays ALTSVC frames of a server: on the connection they name their
// origin, on a stream they are about its request. Several about one host are said once.
func TestFramesThatPointToHTTP3AreCounted(t *testing.T) {
	for name, c := range map[string]struct {
		stream  uint32
		payload string
		count   int64
		where   string
	}{
		"connection":          {0, "\x00\x11https://chat.testh3=\":443\"; ma=60", 1, " (chat.test)"},
		"second alternative":  {0, "\x00\x11https://chat.testh2=\":443\", h3-29=\":443\"", 1, " (chat.test)"},
		"stream":              {1, "\x00\x00h3=\":443\"", 1, " (a.test)"},
		"another version":     {0, "\x00\x11https://chat.testh2=\":443\"", 0, ""},
		"clear":               {0, "\x00\x11https://chat.testclear", 0, ""},
		"origin that is cut":  {0, "\x00\xffhttps://chat.testh3=\":443\"", 0, ""},
		"one byte":            {0, "\x00", 0, ""},
		"empty":               {0, "", 0, ""},
		"control characters":  {0, "\x00\x0ahttps://\r\nh3=\":443\"", 1, ""},
		"more than is read":   {0, "\x00\x11https://chat.testh3=\":443\"" + strings.Repeat(" ", 5000), 1, " (chat.test)"},
		"origin is very long": {0, "\x04\x00" + strings.Repeat("a", 1024) + "h3=\":443\"", 0, ""},
	} {
		for _, bytewise := range []bool{false, true} {
			w := newHTTP2Writer()
			w.head(FromClient, 1, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.test")
			for range 2 {
				w.send(FromServer, func(f *http2.Framer) { f.WriteRawFrame(0xa, 0, c.stream, []byte(c.payload)) })
			}
			w.send(FromClient, func(f *http2.Framer) { f.WriteRawFrame(0xa, 0, c.stream, []byte(c.payload)) }) // only servers send it
			w.head(FromServer, 1, true, ":status", "200")
			_, talk := heardHTTP2(w, bytewise)
			if n, where := talk.common.Counts.HTTP3.Load(), talk.common.Counts.HTTP3.Where(); n != 2*c.count || where != c.where {
				t.Errorf("%s, byte by byte %v: counted %d%s, want %d%s", name, bytewise, n, where, 2*c.count, c.where)
			}
			if n := talk.common.Counts.Opaque.Load(); n != 0 {
				t.Errorf("%s: the connection cannot be read", name)
			}
		}
	}
}

// TestHostsOfHintsAreBounded: many hosts are counted, and some of them named.
func TestHostsOfHintsAreBounded(t *testing.T) {
	var h Hints
	for i := range 1000 {
		h.Add(fmt.Appendf(nil, "A%d.test", i%(i/100+1)))
	}
	if n, where := h.Load(), h.Where(); n != 1000 || where != " (a0.test, a1.test, a2.test, a3.test, a4.test and 5 more)" {
		t.Errorf("%d%s", n, where)
	}
	for i := range 1000 {
		h.Add(fmt.Appendf(nil, "b%d.test", i))
	}
	if where := h.Where(); len(h.Hosts()) != maxHintHosts || !strings.HasSuffix(where, "a4.test and more hosts)") {
		t.Errorf("%d hosts%s", len(h.Hosts()), where)
	}
}
