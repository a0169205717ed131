package proxy

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
)

// buffer is a log that a test may read while it is being written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestARedirectionPastTheProxyIsSaidOnce(t *testing.T) {
	var log buffer
	r := relay(t, func(r *Relay) { r.Log = zerolog.New(&log) })
	client, backend := r.connected()
	for _, location := range []string{"/login", "https://sso.test/", "http://" + r.Backend.String() + "/login?next=secret", "http://" + r.Backend.String()} {
		moved := "HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 0\r\n\r\n"
		send(t, client, plain)
		expect(t, backend, plain)
		send(t, backend, moved)
		expect(t, client, moved)
	}
	if got := log.String(); strings.Count(got, "redirects clients past this proxy") != 1 || strings.Contains(got, "secret") {
		t.Errorf("got %q", got)
	}
}
