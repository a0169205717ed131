//go:build e2e

package e2e

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestSIGTERMDrains checks that active exchanges are completed and idle connections are closed at
// once.
func TestSIGTERMDrains(t *testing.T) {
	t.Parallel()
	b := listen(t)
	p := serve(t, b.addr())
	resting := dial(t, p.listen)
	send(t, resting, plain)
	idle := b.accept()
	expect(t, idle, plain)
	send(t, idle, answer)
	expect(t, resting, answer)
	busy := dial(t, p.listen)
	send(t, busy, plain)
	peer := b.accept()
	expect(t, peer, plain)

	p.terminate()
	expectEnd(t, resting, "")
	if conn, err := net.Dial("tcp", p.listen); err == nil {
		t.Errorf("a connection is still accepted")
		conn.Close()
	}
	send(t, peer, answer)
	expectEnd(t, busy, answer)
	busy.Close()
	resting.Close()
	if stopped := p.wait(); stopped.Exchanges != 2 {
		t.Errorf("got %s, want 2 exchanges", stopped.text)
	}
	p.message(t, "draining")
}

// TestDrainEndsTunnelsAtItsDeadline checks that a drain closes open tunnels at its deadline,
// because tunnels do not end by themselves.
func TestDrainEndsTunnelsAtItsDeadline(t *testing.T) {
	t.Parallel()
	b := listen(t)
	p := serve(t, b.addr(), "--config", file(t, "interlock.yaml", []byte("limits:\n  drain: 3s\n")))
	conn := dial(t, p.listen)
	send(t, conn, handshake)
	peer := b.accept()
	expect(t, peer, handshake)
	send(t, peer, switching)
	expect(t, conn, switching)
	p.terminate()
	p.message(t, "draining")
	send(t, conn, "still there")
	expect(t, peer, "still there")
	p.wait()
	if closed := p.message(t, "tunnel closed"); closed.Cause != "drain" || closed.ClientBytes != int64(len("still there")) {
		t.Errorf("got %s, want cause drain and what the client sent", closed.text)
	}
	expectEnd(t, conn, "")
}

// TestHostIsReplacedOnRequest checks that the Host header is replaced and that the rulings say so.
func TestHostIsReplacedOnRequest(t *testing.T) {
	t.Parallel()
	b := listen(t)
	p := serve(t, b.addr(), "--host", "inside.test:81")
	conn := dial(t, p.listen)
	send(t, conn, handshake)
	peer := b.accept()
	expect(t, peer, strings.Replace(handshake, "staging.test", "inside.test:81", 1))
	send(t, peer, switching)
	expect(t, conn, switching)
	const frame = "Host: staging.test\r\n" // this text also appears in the tunnel, where it is not a Host header
	send(t, conn, frame)
	expect(t, peer, frame)
	conn.Close()
	expectEnd(t, peer, "")
	peer.Close()
	if x := p.exchange(t, "/chat"); x.Outcome != "switched" || strings.Join(x.Altered, " ") != "host" {
		t.Errorf("got %s, want a switched exchange, altered by host", x.text)
	}
	p.nothingLeft()
}

func TestForwardCarriesWhatTheBackendIsAskedFor(t *testing.T) {
	t.Parallel()
	backend := labServer(t, "sound")
	p := serve(t, backend, "--forward", "127.0.0.1:0")
	curl := program(t, "curl", "curl")
	for name, args := range map[string][]string{
		"plain": nil, "CONNECT": {"-p"}, "upgrade": {"--http2"}, "upgrade after CONNECT": {"-p", "--http2"},
	} {
		args = append(args, "-sS", "-x", p.forward, "http://"+backend+"/api/items")
		if got := succeed(t, curl, args...); got.stdout != items {
			t.Errorf("%s: got %q, want %q", name, got.stdout, items)
		}
	}
	switched := p.await(t, "h2c through the forward listener", func(l line) bool { return l.Message == "exchange" && len(l.Altered) > 0 })
	if switched.Outcome != "switched" || switched.Protocol != "h2c" || strings.Join(switched.Altered, " ") != "forward" {
		t.Errorf("got %s, want a switch to h2c, altered by forward", switched.text)
	}
}

func TestForwardReachesTheBackendOnly(t *testing.T) {
	t.Parallel()
	other := site(t, func(_ http.ResponseWriter, q *http.Request) { t.Errorf("another host got %s %s", q.Method, q.URL) })
	p := serve(t, labServer(t, "sound"), "--forward", "127.0.0.1:0")
	curl := program(t, "curl", "curl")
	got := succeed(t, curl, "-sS", "-w", "%{http_code}", "-x", p.forward, "http://"+other+"/")
	if !strings.HasSuffix(got.stdout, "\n403") || !strings.Contains(got.stdout, other) {
		t.Errorf("got %q, want a line about %s and 403", got.stdout, other)
	}
	got = run(t, curl, "-sS", "-w", "%{http_connect}", "-p", "-x", p.forward, "http://"+other+"/")
	if got.status == 0 || got.stdout != "403" {
		t.Errorf("CONNECT: got %q, status %d, want 403 and a failure", got.stdout, got.status)
	}
	got = succeed(t, curl, "-sS", "-w", "%{http_code}", "--http2", "-x", p.forward, "http://"+other+"/out-of-scope")
	if !strings.HasSuffix(got.stdout, "\n403") {
		t.Errorf("upgrade: got %q, want 403", got.stdout)
	}
	x := p.exchange(t, "http://"+other+"/out-of-scope")
	if x.Outcome != "local" || x.Cause != "scope" {
		t.Errorf("got %s, want outcome local, cause scope", x.text)
	}
	if refused := p.message(t, "target out of scope"); refused.Level != "warn" {
		t.Errorf("got %s, want a warning", refused.text)
	}
	p.nothingLeft()
}

func TestNodeEchoesThroughCONNECT(t *testing.T) {
	t.Parallel()
	backend := nodeServer(t)
	p := serve(t, backend, "--forward", "127.0.0.1:0")
	got := succeed(t, program(t, "node", "nodejs"), "node/echo-client.mjs", "ws://"+backend+"/node", p.forward)
	if got.stdout != "ok\n" {
		t.Errorf("got %q, want ok", got.stdout)
	}
	if closed := echoed(t, p, "/node"); closed.ClientBytes != int64(nodeClientBytes) || closed.ServerBytes != int64(nodeServerBytes) {
		t.Errorf("got %s, want %d bytes from the client and %d from the server", closed.text, nodeClientBytes, nodeServerBytes)
	}
}

func TestServeRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	taken := listen(t).addr()
	for name, each := range map[string]struct {
		args []string
		says string
	}{
		"guard":           {[]string{"--guard", "perhaps"}, "must be off or unsafe"},
		"store":           {[]string{"--store", "mysql://127.0.0.1/x"}, "unknown scheme \"mysql\""},
		"address in use":  {[]string{"--listen", taken}, "--listen"},
		"admin in use":    {[]string{"--admin", taken}, "--admin"},
		"unknown flag":    {[]string{"--frobnicate"}, "--frobnicate"},
		"argument":        {[]string{"http://127.0.0.1:1"}, "http://127.0.0.1:1"},
		"TLS keys":        {[]string{"--tls-cert", "/nonexistent.pem"}, "the key is missing"},
		"no such file":    {[]string{"--config", "/nonexistent.yaml"}, "/nonexistent.yaml"},
		"unknown log":     {[]string{"--log", "xml"}, "xml"},
		"backend missing": {[]string{"--backend", ""}, "backend"},
	} {
		args := append([]string{"serve", "--backend", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, each.args...)
		got := run(t, "interlock", args...)
		if got.status != 2 || got.stdout != "" {
			t.Errorf("%s: got status %d and %q, want status 2 and nothing on standard output", name, got.status, got.stdout)
		}
		if !strings.HasPrefix(got.stderr, "interlock: ") || !strings.Contains(got.stderr, each.says) {
			t.Errorf("%s: got %q, want %q in it", name, got.stderr, each.says)
		}
	}
}

func TestHealthcheckTellsTheLiving(t *testing.T) {
	t.Parallel()
	p := serve(t, closedPort(t)) // a backend that is down does not affect the admin address
	succeed(t, "interlock", "healthcheck", "--admin", p.admin)
	response, err := client(t).Get("http://" + p.admin + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(response.Body)
	if response.Body.Close(); string(got) != "ok\n" || err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("got %q (%v), %s, want ok", got, err, response.Status)
	}
	p.stop()
	if got := run(t, "interlock", "healthcheck", "--admin", p.admin); got.status != 1 || got.stderr == "" {
		t.Errorf("got status %d and %q, want status 1 and the reason", got.status, got.stderr)
	}
	if got := run(t, "interlock", "healthcheck", "--admin", site(t, http.NotFound)); got.status != 1 {
		t.Errorf("got status %d from somebody else's address, want 1", got.status)
	}
}

func TestConnectionsAtTheLimitWait(t *testing.T) {
	t.Parallel()
	backend := labServer(t, "sound")
	p := serve(t, backend, "--config", file(t, "interlock.yaml", []byte("limits:\n  connections: 1\n")))
	first, second := dial(t, p.listen), dial(t, p.listen)
	for _, conn := range []net.Conn{first, second} {
		send(t, conn, "GET /api/items HTTP/1.1\r\nHost: staging.test\r\n\r\n")
	}
	for _, conn := range []net.Conn{first, second} {
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(response.Body); string(got) != items || err != nil {
			t.Errorf("got %q (%v), want %q", got, err, items)
		}
		if conn == first {
			p.message(t, "connection limit reached")
		}
		conn.Close()
	}
	p.nothingLeft()
}
