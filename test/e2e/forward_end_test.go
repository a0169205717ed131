//go:build e2e

package e2e

import (
	"fmt"
	"testing"
)

// TestSIGTERMEndsWhateverTheForwardListenerGot sends responses that may look like the start of a
// tunnel, although the requests did not ask for one. Each client gets the whole response, and the
// program ends although neither side closes.
func TestSIGTERMEndsWhateverTheForwardListenerGot(t *testing.T) {
	t.Parallel()
	b := listen(t)
	p := serve(t, b.addr(), "--forward", "127.0.0.1:0", "--config", file(t, "interlock.yaml", []byte("limits: {drain: 1s}\n")))
	const field = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	for _, says := range []string{
		"HTTP/1.1 426 Upgrade Required\r\n" + field + "Content-Length: 7\r\n\r\nupgrade",
		"HTTP/1.1 200 OK\r\n" + field + "Content-Length: 7\r\n\r\nno need",
		"HTTP/1.1 101 Switching Protocols\r\n" + field + "\r\nframes",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nframes",
	} {
		client := dial(t, p.forward)
		send(t, client, fmt.Sprintf("GET http://%s/items HTTP/1.1\r\nHost: staging.test\r\n\r\n", b.addr()))
		backend := b.accept()
		expect(t, backend, "GET /items HTTP/1.1\r\nHost: staging.test\r\nConnection: close\r\n\r\n")
		send(t, backend, says)
		expect(t, client, says)
	}
	last := p.stop()
	if last.Unsafe != 2 {
		t.Errorf("got %s, want two unsafe switches", last.text)
	}
}
