//go:build e2e

package e2e

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	gorilla "github.com/gorilla/websocket"
)

// chat serves a page whose script opens a WebSocket, and that WebSocket.
func chat(w http.ResponseWriter, q *http.Request) {
	switch q.URL.Path {
	case "/api/items":
		io.WriteString(w, items)
		return
	case "/":
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<title>-</title><script>const s=new WebSocket((location.protocol=='https:'?'wss':'ws')+'://'+location.host+'/chat');
s.onopen=()=>s.send('hello');s.onmessage=e=>{document.body.append('echo '+e.data);s.close()}</script>`)
		return
	}
	conn, err := (&gorilla.Upgrader{}).Upgrade(w, q, nil) // expects a same-origin Origin header
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
}

// intercepted is an interlock serve whose forward listener terminates TLS, in front of a TLS
// backend.
type intercepted struct {
	*process
	backend string // host:port
	ca      string // file with the certificate that clients must trust
	pin     string // hash of the CA's public key
}

// intercept starts an intercepted. The lines in more are added to the keys of the forward listener.
func intercept(t *testing.T, more string) intercepted {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(chat))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // for clients that do not trust it
	server.StartTLS()
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	root := file(t, "backend.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	dir := filepath.Join(t.TempDir(), "authority")
	made := succeed(t, "interlock", "ca", "create", "--dir", dir, "--for", "localhost:"+port)
	_, pin, _ := strings.Cut(made.stdout, "public key   SHA-256 ")
	pin, _, _ = strings.Cut(pin, "\n")
	config := file(t, "interlock.yaml", []byte("backend_tls: {server_name: example.com}\nforward:\n  listen: 127.0.0.1:0\n  ca: "+dir+"\n"+more))
	backend := "localhost:" + port
	p := serve(t, backend, "--backend", "https://"+backend, "--backend-ca", root, "--config", config)
	exported := filepath.Join(t.TempDir(), "interlock-ca.pem")
	succeed(t, "interlock", "ca", "export", "--dir", dir, "-o", exported)
	return intercepted{p, backend, exported, pin}
}

// judged checks that the only handshake was seen inside TLS and accepted.
func (p *intercepted) judged(t *testing.T, target string) {
	t.Helper()
	if x := p.exchange(t, target); x.Outcome != "switched" || x.Protocol != "websocket" || x.Verdict != "pass" || x.Backend != p.backend || len(x.Altered) != 0 {
		t.Errorf("got %s, want a WebSocket exchange with %s that passes", x.text, p.backend)
	}
	p.message(t, "tunnel closed")
	if stopped := p.stop(); stopped.Opaque != 0 || stopped.TLS != 0 {
		t.Errorf("got %s, want nothing that could not be read", stopped.text)
	}
}

func TestCurlThroughTheInterceptingProxy(t *testing.T) {
	t.Parallel()
	p := intercept(t, "  users: {ann: s3cret}\n")
	curl := program(t, "curl", "curl")
	ask := func(args ...string) []string {
		return append([]string{"-sS", "--proxy", "http://" + p.forward}, args...)
	}
	got := succeed(t, curl, ask("--proxy-user", "ann:s3cret", "--cacert", p.ca, "https://"+p.backend+"/api/items")...)
	if got.stdout != items {
		t.Errorf("got %q, want %q", got.stdout, items)
	}
	if got := run(t, curl, ask("--proxy-user", "ann:s3cret", "https://"+p.backend+"/api/items")...); got.status != 60 {
		t.Errorf("without the authority: got status %d, want 60: the certificate is not trusted", got.status)
	}
	if got := run(t, curl, ask("-w", "%{http_connect}", "--cacert", p.ca, "https://"+p.backend+"/api/items")...); got.status == 0 || got.stdout != "407" {
		t.Errorf("without credentials: got status %d, %q, want 407", got.status, got.stdout)
	}
	if got := run(t, curl, ask("-w", "%{http_connect}", "--proxy-user", "ann:s3cret", "--cacert", p.ca, "https://example.test/")...); got.status == 0 || got.stdout != "403" {
		t.Errorf("out of scope: got status %d, %q, want 403", got.status, got.stdout)
	}
	if page := succeed(t, curl, "-sS", "http://"+p.forward+"/"); !strings.Contains(page.stdout, "NODE_EXTRA_CA_CERTS") {
		t.Errorf("the page is %q", clip(page.stdout))
	}
	want, err := os.ReadFile(p.ca)
	if err != nil {
		t.Fatal(err)
	}
	if served := succeed(t, curl, "-sS", "http://"+p.forward+"/interlock-ca.pem"); served.stdout != string(want) {
		t.Errorf("got %q, want the certificate", served.stdout)
	}
}

func TestCurlOverHTTPThroughTheProxy(t *testing.T) {
	t.Parallel()
	backend := labServer(t, "gorilla")
	p := serve(t, backend, "--forward", "127.0.0.1:0")
	for _, way := range []string{"--proxytunnel", "--no-progress-meter"} { // by CONNECT, and with an absolute-form target
		if got := succeed(t, program(t, "curl", "curl"), "-sS", way, "--proxy", "http://"+p.forward, "http://"+backend+"/api/items"); got.stdout != items {
			t.Errorf("%s: got %q, want %q", way, got.stdout, items)
		}
	}
}

func TestNodeAgentThroughTheInterceptingProxy(t *testing.T) {
	t.Parallel()
	p := intercept(t, "  users: {ann: s3cret}\n")
	got := succeed(t, "env", "NODE_EXTRA_CA_CERTS="+p.ca, program(t, "node", "nodejs"), "node/agent-client.mjs", "wss://"+p.backend+"/node", "http://ann:s3cret@"+p.forward)
	if got.stdout != "ok\n" {
		t.Errorf("got %q, want ok", got.stdout)
	}
	p.judged(t, "/node")
}

// TestChromiumThroughTheInterceptingProxy makes Chromium trust the CA by following the proxy's own
// page.
func TestChromiumThroughTheInterceptingProxy(t *testing.T) {
	for _, trust := range []string{"store", "pin"} {
		t.Run(trust, func(t *testing.T) {
			p := intercept(t, "")
			home := t.TempDir()
			options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program(t, "chromium", "chromium")), chromedp.NoSandbox,
				chromedp.ProxyServer("http://"+p.forward), chromedp.Flag("proxy-bypass-list", "<-loopback>"), chromedp.Env("HOME="+home))
			if trust == "pin" {
				options = append(options, chromedp.Flag("ignore-certificate-errors-spki-list", p.pin))
			} else {
				db := filepath.Join(home, ".pki", "nssdb")
				if err := os.MkdirAll(db, 0o700); err != nil {
					t.Fatal(err)
				}
				certutil := program(t, "certutil", "libnss3-tools")
				succeed(t, certutil, "-d", "sql:"+db, "-N", "--empty-password")
				succeed(t, certutil, "-d", "sql:"+db, "-A", "-t", "C,,", "-n", "interlock", "-i", p.ca)
			}
			ctx, stop := context.WithTimeout(t.Context(), patience)
			defer stop()
			allocator, end := chromedp.NewExecAllocator(ctx, options...)
			defer end()
			tab, leave := chromedp.NewContext(allocator)
			defer leave()
			if err := chromedp.Do(tab, chromedp.Navigate("https://"+p.backend+"/"), chromedp.Poll[chromedp.Void](`document.body.innerText.includes("echo hello")`)); err != nil {
				t.Fatal(err)
			}
			if err := chromedp.Cancel(tab); err != nil {
				t.Error(err)
			}
			p.judged(t, "/chat")
		})
	}
}

// TestPinnedHostsAreNotOpened checks that a client that pins the host's certificate receives that
// certificate, and that the report lists the connection as not inspected.
func TestPinnedHostsAreNotOpened(t *testing.T) {
	t.Parallel()
	p := intercept(t, "  pass_through: [\"localhost:*\"]\n")
	got := run(t, program(t, "curl", "curl"), "-sS", "--proxy", "http://"+p.forward, "--cacert", p.ca, "https://"+p.backend+"/api/items")
	if got.status != 60 {
		t.Errorf("got status %d, want 60: the certificate is the backend's own", got.status)
	}
	succeed(t, program(t, "curl", "curl"), "-sSk", "--proxy", "http://"+p.forward, "https://"+p.backend+"/api/items")
	p.message(t, "tunnel not audited")
	if stopped := p.stop(); !strings.Contains(stopped.text, `"blindTunnels":2`) || stopped.Exchanges != 0 {
		t.Errorf("got %s, want two tunnels that were not inspected", stopped.text)
	}
}
