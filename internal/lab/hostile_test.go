package lab

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
)

// TestHostileBackendsAnswerInTheirWay checks the first bytes of each answer, and does not wait for
// an end that never comes.
func TestHostileBackendsAnswerInTheirWay(t *testing.T) {
	for backend, want := range map[string]string{
		"dripping":     "HT",
		"garbage":      strings.Repeat("\xde\xad\xbe\xef", 16),
		"endless":      strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 20_000),
		"endless-head": "HTTP/1.1 400 Bad Request\r\n" + strings.Repeat("X-More: and more\r\n", 20_000),
	} {
		for _, raw := range []string{soundHandshake, "GET / HTTP/1.0\r\n\r\n", "no request\r\n\r\n"} {
			_, br := say(t, start(t, backend), raw)
			got := make([]byte, len(want))
			if _, err := io.ReadFull(br, got); err != nil || string(got) != want {
				t.Errorf("%s: %q: got %.60q, %v, want %.60q", backend, raw, got, err, want)
			}
		}
	}
}

func TestHostileBackendsEndTheConnection(t *testing.T) {
	for backend, want := range map[string]error{"closing": nil, "resetting": syscall.ECONNRESET} {
		_, br := say(t, start(t, backend), soundHandshake)
		if b, err := io.ReadAll(br); len(b) > 0 || !errors.Is(err, want) {
			t.Errorf("%s: got %q, %v, want nothing and %v", backend, b, err, want)
		}
	}
}

func TestDyingIsNotComeBackFrom(t *testing.T) {
	s := start(t, "dying")
	if p := ask(t, s, soundHandshake); p.StatusCode != 101 {
		t.Errorf("got %s, want 101", p.Status)
	}
	if p := ask(t, s, strings.Replace(soundHandshake, "Version: 13", "Version: 99", 1)); p.StatusCode != 426 {
		t.Errorf("got %s, want 426", p.Status)
	}
	_, br := say(t, s, with("Sec-WebSocket-Version: 13\r\n"))
	if b, _ := io.ReadAll(br); len(b) > 0 {
		t.Errorf("got %q, want nothing", b)
	}
	if conn, err := net.Dial("tcp", s.Addr); err == nil {
		t.Error("it still listens")
		_ = conn.Close()
	}
}
