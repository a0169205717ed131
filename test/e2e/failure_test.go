//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// closedPort returns an address without a listener.
func closedPort(t *testing.T) string {
	t.Helper()
	addresses, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	return addresses[0]
}

// answeredLocally waits for the log line of a response that the proxy wrote itself.
func answeredLocally(t *testing.T, p *process) line {
	t.Helper()
	return p.await(t, "answered in place of the backend", func(l line) bool {
		return strings.HasPrefix(l.Message, "answered in place of the backend") && l.Cause == "dial"
	})
}

func TestBackendThatIsDownIsSaidToBe(t *testing.T) {
	t.Parallel()
	down := closedPort(t)
	p := serve(t, down)
	conn := dial(t, p.listen)
	send(t, conn, handshake)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(response.Body)
	if want := fmt.Sprintf("interlock: cannot reach backend %q: connect: connection refused\n", down); string(content) != want || err != nil {
		t.Errorf("got %q (%v), want %q", content, err, want)
	}
	if response.StatusCode != http.StatusBadGateway || !response.Close {
		t.Errorf("got %s, close %v, want 502 and the end", response.Status, response.Close)
	}
	conn.Close()
	p.nothingLeft()
	said := answeredLocally(t, p)
	if said.Level != "error" || said.Backend != down || !strings.Contains(said.Err, "connection refused") {
		t.Errorf("got %s, want an error that names backend and cause", said.text)
	}
	if x := p.exchange(t, "/chat"); x.Outcome != "local" || x.Cause != "dial" || x.Status != 0 || x.Verdict == "fail" {
		t.Errorf("got %s, want outcome local, cause dial, no status, no failure", x.text)
	}
	if stopped := p.stop(); stopped.Exchanges != 0 || stopped.Upgrades != 1 {
		t.Errorf("got %s, want 1 upgrade and no answered exchange", stopped.text)
	}
}

// TestClientThatGivesUpIsClosed has a client leave while the backend has its request and never
// answers.
func TestClientThatGivesUpIsClosed(t *testing.T) {
	t.Parallel()
	for _, each := range []struct{ how, cause string }{
		{"by reset", "client-reset"}, {"in good order", "client"}, {"in good order, backend stays", "client"},
	} {
		t.Run(each.how, func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			config := file(t, "interlock.yaml", []byte("limits:\n  half_closed: 1s\n"))
			p := serve(t, b.addr(), "--config", config)
			conn := dial(t, p.listen)
			send(t, conn, handshake)
			peer := b.accept()
			expect(t, peer, handshake)
			if each.how == "by reset" {
				conn.SetLinger(0)
			}
			conn.Close()
			switch each.how {
			case "by reset":
				if n, err := io.Copy(io.Discard, peer); n > 0 || err == nil {
					t.Errorf("the backend got %d bytes (%v), want a reset", n, err)
				}
			case "in good order":
				expectEnd(t, peer, "")
				peer.Close()
			default:
				expectEnd(t, peer, "")
				p.message(t, "connection timed out")
			}
			if x := p.exchange(t, "/chat"); x.Outcome != "closed" || x.Cause != each.cause || x.Status != 0 {
				t.Errorf("got %s, want outcome closed, cause %s, no status", x.text, each.cause)
			}
			p.nothingLeft()
		})
	}
}

// TestUnansweredHandshakeIsSilent waits for the log line, which appears after 30 s without a
// response.
func TestUnansweredHandshakeIsSilent(t *testing.T) {
	t.Parallel()
	b := listen(t)
	p := serve(t, b.addr())
	conn := dial(t, p.listen)
	send(t, conn, handshake)
	peer := b.accept()
	expect(t, peer, handshake)
	if x := p.exchange(t, "/chat"); x.Outcome != "silent" || x.Status != 0 {
		t.Errorf("got %s, want outcome silent, no status", x.text)
	}
	send(t, peer, switching) // the client may wait longer, and the switch is still recorded
	expect(t, conn, switching)
	conn.Close()
	expectEnd(t, peer, "")
	peer.Close()
	if closed := p.message(t, "tunnel closed"); closed.Cause != "client" {
		t.Errorf("got %s, want cause client", closed.text)
	}
	p.nothingLeft()
}

func TestClientThatLeavesWithinAHeadIsClosed(t *testing.T) {
	t.Parallel()
	b := listen(t)
	p := serve(t, b.addr())
	half := handshake[:len(handshake)-10]
	conn := dial(t, p.listen)
	send(t, conn, half)
	peer := b.accept()
	expect(t, peer, half)
	conn.Close()
	expectEnd(t, peer, "")
	peer.Close()
	if x := p.exchange(t, "/chat"); x.Outcome != "closed" || x.Status != 0 {
		t.Errorf("got %s, want outcome closed, no status", x.text)
	}
	p.nothingLeft()
}

// TestHugeHeadPassesUnchanged checks that the connection is audited up to the response to the huge
// head, and is opaque after it.
func TestHugeHeadPassesUnchanged(t *testing.T) {
	t.Parallel()
	huge := strings.TrimSuffix(handshake, "\r\n") + "X: " + strings.Repeat("x", 1_000_000) + "\r\n\r\n"
	const tooLarge = "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n\r\n"
	for _, each := range []struct {
		name, answer, outcome string
		status                int
	}{
		{"and is refused", tooLarge, "refused", 431},
		{"and is switched", switching, "switched", 101},
		{"and the server sends garbage", "what?\r\n\r\n", "opaque", 0},
	} {
		t.Run(each.name, func(t *testing.T) {
			t.Parallel()
			b := listen(t)
			p := serve(t, b.addr())
			conn := dial(t, p.listen)
			sent := make(chan error, 1) // sent by one goroutine
			go func() {
				_, err := io.WriteString(conn, huge)
				sent <- err
			}()
			peer := b.accept()
			expect(t, peer, huge)
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			send(t, peer, each.answer)
			expect(t, conn, each.answer)
			send(t, conn, plain)
			expect(t, peer, plain)
			send(t, peer, answer)
			expect(t, conn, answer)
			conn.Close()
			expectEnd(t, peer, "")
			peer.Close()
			if x := p.exchange(t, "/chat"); x.Outcome != each.outcome || x.Status != each.status {
				t.Errorf("got %s, want outcome %s, status %d", x.text, each.outcome, each.status)
			}
			p.nothingLeft()
			stopped := p.stop()
			if opaque := each.outcome != "switched"; stopped.Opaque == 1 != opaque {
				t.Errorf("got %s, want opaque %v", stopped.text, opaque)
			}
		})
	}
}

func TestGarbagePassesUnchanged(t *testing.T) {
	t.Parallel()
	b := listen(t)
	p := serve(t, b.addr())
	garbage := string(bytes.Repeat([]byte{0, 0xff, '\r', '\n', ' ', 0x80}, 10_000))
	conn := dial(t, p.listen)
	send(t, conn, garbage)
	peer := b.accept()
	expect(t, peer, garbage)
	send(t, peer, garbage)
	expect(t, conn, garbage)
	conn.CloseWrite()
	expectEnd(t, peer, "")
	peer.Close()
	expectEnd(t, conn, "")
	p.nothingLeft()
	if stopped := p.stop(); stopped.Opaque != 1 || stopped.Exchanges != 0 || stopped.Upgrades != 0 {
		t.Errorf("got %s, want 1 opaque connection and nothing else", stopped.text)
	}
}

// TestTLSPassesBlind has a TLS client reach a TLS backend. A backend without TLS answers what it
// wants, and the client gets that unchanged.
func TestTLSPassesBlind(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, items) }))
	t.Cleanup(secure.Close)
	p := serve(t, strings.TrimPrefix(secure.URL, "https://"))
	got := succeed(t, program(t, "curl", "curl"), "-sSk", "https://"+p.listen+"/api/items")
	if got.stdout != items {
		t.Errorf("got %q, want %q", got.stdout, items)
	}
	p.nothingLeft()
	if stopped := p.stop(); stopped.TLS != 1 || stopped.Opaque != 1 {
		t.Errorf("got %s, want 1 opaque connection that is TLS", stopped.text)
	}
}

func TestTLSToCleartextFailsAsWithoutUs(t *testing.T) {
	t.Parallel()
	for name, addr := range map[string]string{"backend without TLS": labServer(t, "gorilla"), "backend down": closedPort(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serve(t, addr)
			conn := tls.Client(dial(t, p.listen), &tls.Config{InsecureSkipVerify: true})
			err := conn.Handshake()
			if err == nil {
				t.Error("the handshake succeeded")
			}
			conn.Close()
			if name == "backend down" {
				answeredLocally(t, p)
				if err != nil && strings.Contains(err.Error(), "HTTP") {
					t.Errorf("got %v: an answer in HTTP, want none", err)
				}
			}
			p.nothingLeft()
			if stopped := p.stop(); stopped.TLS != 1 || stopped.Opaque != 1 || stopped.Upgrades != 0 {
				t.Errorf("got %s, want 1 opaque connection that is TLS", stopped.text)
			}
		})
	}
}
