//go:build e2e

package e2e

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
)

// items is the lab's response at /api/items.
const items = "signals, points, track circuits\n"

// TestH2CClientsSwitchAndGetTheirAnswer expects a warning for each switch to h2c, because RFC 9113
// has deprecated it.
func TestH2CClientsSwitchAndGetTheirAnswer(t *testing.T) {
	t.Parallel()
	for _, each := range []struct {
		name, pkg string
		args      []string
	}{
		{"curl", "curl", []string{"-sS", "--http2"}},
		{"nghttp", "nghttp2-client", []string{"--upgrade"}},
	} {
		t.Run(each.name, func(t *testing.T) {
			t.Parallel()
			p := serve(t, labServer(t, "h2c"))
			got := succeed(t, program(t, each.name, each.pkg), append(each.args, p.url("/api/items"))...)
			if got.stdout != items {
				t.Errorf("got %q, want %q", got.stdout, items)
			}
			x := p.exchange(t, "/api/items")
			if x.Protocol != "h2c" || x.Status != 101 || x.Outcome != "switched" || x.Verdict != "warn" || strings.Join(x.Rules, " ") != "UPGRADE-H2C-SWITCHED" {
				t.Errorf("got %s, want an h2c exchange that is switched", x.text)
			}
			if closed := p.message(t, "tunnel closed"); closed.ClientBytes == 0 || closed.ServerBytes < int64(len(items)) {
				t.Errorf("got %s, want the bytes of both directions", closed.text)
			}
			framesOfH2C(t, p, x.Exchange)
			p.nothingLeft()
		})
	}
}

// echoed checks that p saw one valid handshake and the end of its tunnel, and released both.
func echoed(t *testing.T, p *process, target string) (closed line) {
	t.Helper()
	x := p.exchange(t, target)
	if x.Protocol != "websocket" || x.Status != 101 || x.Outcome != "switched" || x.Verdict != "pass" {
		t.Errorf("got %s, want a WebSocket exchange that is switched and passes", x.text)
	}
	closed = p.message(t, "tunnel closed")
	if closed.Exchange != x.Exchange {
		t.Errorf("got %s, want exchange %s", closed.text, x.Exchange)
	}
	return closed
}

// nodeServer starts Node's ws server and returns its host:port. The server ends with the test.
func nodeServer(t *testing.T) string { return nodeListens(t, "node/echo-server.mjs") }

// nodeListens runs a script that prints its port, and returns its address.
func nodeListens(t *testing.T, script string, args ...string) string {
	t.Helper()
	return saysPort(t, exec.Command(program(t, "node", "nodejs"), append([]string{script}, args...)...))
}

// node/echo-client.mjs sends, and node/echo-server.mjs echoes, two messages and a close. The counts
// include frame headers; the client's also include four bytes of mask per frame.
const (
	nodeServerBytes = 2 + len("grüße") + 10 + 1<<20 + 2 + 2
	nodeClientBytes = nodeServerBytes + 3*4
)

func TestNodeEchoesThrough(t *testing.T) {
	t.Parallel()
	p := serve(t, nodeServer(t))
	got := succeed(t, program(t, "node", "nodejs"), "node/echo-client.mjs", "ws://"+p.listen+"/node")
	if got.stdout != "ok\n" {
		t.Errorf("got %q, want ok", got.stdout)
	}
	if closed := echoed(t, p, "/node"); closed.ClientBytes != int64(nodeClientBytes) || closed.ServerBytes != int64(nodeServerBytes) {
		t.Errorf("got %s, want %d bytes from the client and %d from the server", closed.text, nodeClientBytes, nodeServerBytes)
	}
}

func TestPythonEchoesThrough(t *testing.T) {
	t.Parallel()
	p := serve(t, labServer(t, "gorilla"))
	python := program(t, "/usr/bin/python3", "python3-websockets")
	if got := run(t, python, "-c", "import websockets"); got.status != 0 {
		t.Fatalf("Python's websockets is missing: test/e2e/install installs it, or apt-get install python3-websockets: %s", got.stderr)
	}
	if got := succeed(t, python, "python/echo_client.py", "ws://"+p.listen+"/echo"); got.stdout != "ok\n" {
		t.Errorf("got %q, want ok", got.stdout)
	}
	echoed(t, p, "/echo")
	p.nothingLeft()
}

func TestGoClientsEchoThrough(t *testing.T) {
	t.Parallel()
	for name, echo := range map[string]func(t *testing.T, url, message string) (string, error){
		"gorilla": echoGorilla, "coder": echoCoder, "gobwas": echoGobwas,
	} {
		for _, server := range []string{"gorilla", "coder", "gobwas"} {
			t.Run(name+" to "+server, func(t *testing.T) {
				t.Parallel()
				p := serve(t, labServer(t, server))
				message := strings.Repeat("signals and points ", 1000)
				if got, err := echo(t, "ws://"+p.listen+"/echo", message); err != nil || got != message {
					t.Errorf("got %q (%v), want %q", clip(got), err, clip(message))
				}
				closed := echoed(t, p, "/echo")
				if least := int64(len(message)); closed.ClientBytes < least || closed.ServerBytes < least {
					t.Errorf("got %s, want at least %d bytes each way", closed.text, least)
				}
				p.nothingLeft()
			})
		}
	}
}

func echoGorilla(t *testing.T, url, message string) (string, error) {
	conn, response, err := gorilla.DefaultDialer.DialContext(t.Context(), url, nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(patience))
	err = conn.WriteMessage(gorilla.TextMessage, []byte(message))
	if err != nil {
		return "", err
	}
	_, echo, err := conn.ReadMessage()
	return string(echo), err
}

func echoCoder(t *testing.T, url, message string) (string, error) {
	conn, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		return "", err
	}
	defer conn.CloseNow()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
		return "", err
	}
	conn.SetReadLimit(int64(len(message)))
	_, echo, err := conn.Read(t.Context())
	if err != nil {
		return "", err
	}
	return string(echo), conn.Close(websocket.StatusNormalClosure, "")
}

func echoGobwas(t *testing.T, url, message string) (string, error) {
	conn, _, _, err := ws.Dial(t.Context(), url)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if err := wsutil.WriteClientText(conn, []byte(message)); err != nil {
		return "", err
	}
	echo, err := wsutil.ReadServerText(conn)
	return string(echo), err
}
