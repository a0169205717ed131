//go:build e2e

package e2e

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// capture makes the test write what real clients do to rules/testdata/SOUND. It also runs the
// clients that test/e2e/install does not install: Chromium and Docker's.
var capture = flag.Bool("capture", false, "write the exchanges of real clients into the rulebook's corpus")

// recorder is a relay in front of a backend that records its exchanges.
type recorder struct {
	addr string
	stop func()

	mu   sync.Mutex
	last map[string]*wire.Exchange
}

func record(t *testing.T, backend string) *recorder {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{addr: ln.Addr().String(), last: map[string]*wire.Exchange{}}
	relay := &proxy.Relay{Backend: proxy.To(backend), Log: zerolog.Nop(), Limits: proxy.Limits{Drain: time.Second}, Observe: func(x *wire.Exchange) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.last[x.ID] = x
	}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- relay.Serve(ctx, ln) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// sound is a correct client and its backend.
type sound struct {
	name    string
	backend func(t *testing.T) string
	client  func(t *testing.T, addr string)
	rare    bool // run only with -capture
}

func soundClients() []sound {
	lab := func(name string) func(*testing.T) string {
		return func(t *testing.T) string { return labServer(t, name) }
	}
	echo := func(by func(*testing.T, string, string) (string, error)) func(*testing.T, string) {
		return func(t *testing.T, addr string) {
			if _, err := by(t, "ws://"+addr+"/echo", "hello"); err != nil {
				t.Error(err)
			}
		}
	}
	return []sound{
		{name: "gorilla", backend: lab("gorilla"), client: echo(echoGorilla)},
		{name: "coder", backend: lab("coder"), client: echo(echoCoder)},
		{name: "gobwas", backend: lab("gobwas"), client: echo(echoGobwas)},
		{name: "node-ws", backend: nodeServer, client: func(t *testing.T, addr string) {
			succeed(t, program(t, "node", "nodejs"), "node/echo-client.mjs", "ws://"+addr+"/node")
		}},
		{name: "python-websockets", backend: lab("gorilla"), client: func(t *testing.T, addr string) {
			succeed(t, program(t, "/usr/bin/python3", "python3-websockets"), "python/echo_client.py", "ws://"+addr+"/echo")
		}},
		{name: "curl-h2c-ignored", backend: lab("gorilla"), client: func(t *testing.T, addr string) {
			succeed(t, program(t, "curl", "curl"), "-sS", "--http2", "http://"+addr+"/api/items")
		}},
		{name: "nginx-recipe", backend: lab("gorilla"), client: throughNginx},
		{name: "chromium", backend: page, client: chromium, rare: true},
		{name: "chromium-behind-tls", backend: page, client: chromiumBehindTLS, rare: true},
		{name: "docker-attach", backend: docker, client: dockerAttach, rare: true},
	}
}

// TestSoundClientsRaiseNothing checks that the rulebook finds nothing above info in the traffic of
// correct clients and servers.
func TestSoundClientsRaiseNothing(t *testing.T) {
	for _, s := range soundClients() {
		if s.rare && !*capture {
			continue // their captured traffic is in the corpus, which the tests of the rules judge
		}
		t.Run(s.name, func(t *testing.T) {
			r := record(t, s.backend(t))
			s.client(t, r.addr)
			r.stop()
			if len(r.last) == 0 {
				t.Fatal("nothing was recorded")
			}
			for _, x := range r.last {
				ruling := rules.Classify(rules.Case{X: x, Options: &rules.Options{Protocols: []string{"tcp"}, Origins: []string{"https://chat.example"}}})
				for _, f := range ruling.Findings {
					if f.Verdict < rules.Pass && f.Severity > rules.Info {
						t.Errorf("%s %s %s: %s\n%s", f.Rule.ID, f.Verdict, f.Severity, f.Detail, x.Transcript())
					}
				}
				if *capture {
					keep(t, s.name, x)
				}
			}
		})
	}
}

// keep writes a captured exchange into the corpus.
func keep(t *testing.T, name string, x *wire.Exchange) {
	t.Helper()
	text := x.Transcript()
	text.Meta = []wire.Meta{{Key: "want", Value: "clean"}, {Key: "note", Value: "captured from a real client: " + name}}
	switch name {
	case "docker-attach":
		text.Meta = append(text.Meta, wire.Meta{Key: "protocols", Value: "tcp"})
	case "chromium-behind-tls":
		text.Meta = append(text.Meta, wire.Meta{Key: "origins", Value: "https://chat.example"})
	}
	path := filepath.Join("../../rules/testdata/SOUND", name+".wire")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// page starts a backend with a page that opens a WebSocket and reports the result in its title.
func page(t *testing.T) string {
	upgrader := gorilla.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path != "/chat" {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<title>-</title><script>const s=new WebSocket((location.protocol=='https:'?'wss':'ws')+'://'+location.host+'/chat');
s.onopen=()=>s.send('hello');s.onmessage=e=>{document.title='echo '+e.data;document.body.append('echo '+e.data);s.close()}</script>`)
			return
		}
		conn, err := upgrader.Upgrade(w, q, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			kind, message, err := conn.ReadMessage()
			if err != nil || conn.WriteMessage(kind, message) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func chromium(t *testing.T, addr string) { browse(t, "http://"+addr+"/") }

// browse opens a page in Chromium and waits until the page's WebSocket has echoed.
func browse(t *testing.T, url string, flags ...string) {
	t.Helper()
	args := append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + t.TempDir(), "--virtual-time-budget=4000", "--dump-dom"}, flags...)
	if got := succeed(t, program(t, "chromium", "chromium"), append(args, url)...); !strings.Contains(got.stdout, "echo hello") {
		t.Errorf("the page has %q", got.stdout)
	}
}

// docker is the part of a Docker daemon that attaching to a container requires.
func docker(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		switch path := q.URL.Path; {
		case strings.HasSuffix(path, "/_ping"):
			io.WriteString(w, "OK")
		case strings.HasSuffix(path, "/json"):
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"Id":"c0ffee","Name":"/c","State":{"Status":"running","Running":true},"Config":{"Tty":false,"OpenStdin":true},"HostConfig":{}}`)
		case strings.HasSuffix(path, "/attach"):
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n\x01\x00\x00\x00\x00\x00\x00\x06hello\n")
			conn.Close()
		default:
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"StatusCode":0}`)
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func dockerAttach(t *testing.T, addr string) {
	if got := run(t, program(t, "docker", "docker.io"), "-H", "tcp://"+addr, "attach", "--no-stdin", "c"); !strings.Contains(got.stdout, "hello") {
		t.Errorf("got %q, %q", got.stdout, got.stderr)
	}
}
