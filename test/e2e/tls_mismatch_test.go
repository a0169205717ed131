//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// TestTLSOnOneSideOnly connects TLS clients to plain-text servers and the reverse, and expects the
// reason in the log.
func TestTLSOnOneSideOnly(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t)
	curl := func(t *testing.T, url string) result {
		return run(t, program(t, "curl", "curl"), "-sSk", "-w", "%{http_code}", url)
	}

	t.Run("to a backend in cleartext", func(t *testing.T) {
		t.Parallel()
		backend := labServer(t, "gorilla")
		p := serve(t, backend, "--backend", "https://"+backend)
		const want = "it does not speak TLS: is its scheme http?"
		if got := curl(t, p.url("/api/items")); !strings.HasSuffix(got.stdout, "502") || !strings.Contains(got.stdout, want) {
			t.Errorf("got %q, want a 502 that says %q", got.stdout, want)
		}
		if l := p.message(t, "answered in place of the backend"); !strings.Contains(l.Err, want) {
			t.Errorf("got %s, want %q", l.text, want)
		}
	})

	t.Run("in cleartext to a backend", func(t *testing.T) {
		t.Parallel()
		b := listen(t)
		p := serve(t, b.addr())
		client := dial(t, p.listen)
		send(t, client, plain)
		backend := b.accept()
		expect(t, backend, plain)
		const alert = "\x15\x03\x01\x00\x02\x02\x0a" // unexpected_message (RFC 8446 §6.2), from a server that cannot read the ClientHello
		send(t, backend, alert)
		backend.CloseWrite()
		expectEnd(t, client, alert) // the backend's own answer is not replaced
		client.Close()
		if l := p.message(t, "connection not audited"); !strings.Contains(l.text, "TLS from the server: is the scheme of the backend https?") {
			t.Errorf("got %s, want what it may be", l.text)
		}
	})

	t.Run("in cleartext to the listener", func(t *testing.T) {
		t.Parallel()
		p := serve(t, labServer(t, "gorilla"), "--tls-cert", cert, "--tls-key", key)
		if got := curl(t, p.url("/api/items")); got.status == 0 {
			t.Errorf("got %q, want no answer", got.stdout)
		}
		if l := p.message(t, "no tls with client"); !strings.Contains(l.text, "does not look like a TLS handshake") {
			t.Errorf("got %s, want what was wrong", l.text)
		}
	})
}
