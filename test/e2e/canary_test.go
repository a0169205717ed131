//go:build e2e

package e2e

import (
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// canaries are random secrets, one for each place that only the client and the backend may see.
// Each is known by the name of its place.
type canaries struct {
	mu      sync.Mutex
	planted map[string]string // by place
}

// at returns the secret of a place.
func (c *canaries) at(place string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.planted[place] == "" {
		var b [16]byte
		rand.Read(b[:])
		c.planted[place] = hex.EncodeToString(b[:])
	}
	return c.planted[place]
}

// shown returns the places whose secret appears in text, at least in part, as it is or in base64.
func (c *canaries) shown(text []byte) (places []string) {
	const part = 12 // bytes of a secret; long enough to rule out a chance match
	all := [][]byte{text}
	for _, run := range base64Runs.FindAll(text, -1) {
		for from := range 4 { // a base64 run may begin at any of these offsets
			if raw, _ := base64.RawStdEncoding.DecodeString(string(run[min(from, len(run)):])); len(raw) > 0 {
				all = append(all, raw)
			}
		}
	}
	parts := map[string]string{} // every part of every secret, mapped to its place
	c.mu.Lock()
	for place, secret := range c.planted {
		for i := 0; i+part <= len(secret); i++ {
			parts[secret[i:i+part]] = place
		}
	}
	c.mu.Unlock()
	seen := map[string]bool{}
	for _, text := range all {
		for at := range windows(text, part) {
			if place := parts[string(text[at:at+part])]; place != "" && !seen[place] {
				seen[place] = true
				places = append(places, fmt.Sprintf("%s: %q", place, text[max(0, at-80):min(len(text), at+40)]))
			}
		}
	}
	return places
}

// windows yields the offsets in text at which size bytes follow that may all belong to a secret.
func windows(text []byte, size int) iter.Seq[int] {
	return func(yield func(int) bool) {
		run := 0
		for i, b := range text {
			if run++; strings.IndexByte("0123456789abcdef", b) < 0 {
				run = 0
			}
			if run >= size && !yield(i+1-size) {
				return
			}
		}
	}
}

var base64Runs = regexp.MustCompile(`[A-Za-z0-9+/]{12,}`)

// TestCanariesAreFound checks the search itself: a planted secret is found.
func TestCanariesAreFound(t *testing.T) {
	c := &canaries{planted: map[string]string{}}
	secret := c.at("cookie")
	for _, text := range []string{
		"Cookie: " + secret, "x" + secret[3:17], base64.StdEncoding.EncodeToString([]byte("a: " + secret)), `{"head":"` + base64.StdEncoding.EncodeToString([]byte("ab: "+secret)) + `"}`,
		"0123" + base64.StdEncoding.EncodeToString([]byte("abc: "+secret)), "x" + base64.StdEncoding.EncodeToString([]byte(secret)),
	} {
		if len(c.shown([]byte(text))) != 1 {
			t.Errorf("%q is not found in %q", secret, text)
		}
	}
	if got := c.shown([]byte("Cookie: ********************************")); got != nil {
		t.Errorf("got %q", got)
	}
}

// TestSecretsAreNotShown sends secrets through every feature, then searches everything that
// Interlock printed or stored.
func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	for name, backend := range map[string]func(*canaries, *testing.T) string{"sound": (*canaries).discreet, "switches on anything": (*canaries).indiscreet} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &canaries{planted: map[string]string{}}
			c.everywhere(t, backend(c, t))
		})
	}
}

// everywhere sends the secrets to a backend through serve, probes it with and without them, and
// produces every report of what is stored.
func (c *canaries) everywhere(t *testing.T, backend string) {
	dir := t.TempDir()
	kept := filepath.Join(dir, "store.db")
	behind := tap(t, backend)
	traces := collect(t)
	p := serve(t, behind.addr, "--store", kept, "--otel-endpoint", traces.URL)
	all := c.requests(t)
	for _, request := range all {
		c.send(t, p, request)
	}
	c.connect(t, p)
	for place, secret := range c.planted {
		if !strings.Contains(behind.seen(), secret) && !strings.Contains(place, "server") && !strings.Contains(place, "interim") && place != "location" {
			t.Errorf("%s has not reached the backend", place)
		}
	}
	look := func(what string, text []byte) {
		for _, place := range c.shown(text) {
			t.Errorf("%s shows a secret: %s", what, place)
		}
	}
	for _, flags := range [][]string{nil, {"--as-recorded"}} {
		before := len(behind.seen())
		out := filepath.Join(dir, fmt.Sprintf("probes%d", len(flags)))
		args := append([]string{"probe", "--admin", "http://" + p.admin, "--endpoint", "/later", "--only", "CTRL-WS*,UPGRADE-WS-PROTO-*,UPGRADE-WS-KEY-*,UPGRADE-POST,UPGRADE-METHOD-*"}, append(flags, outputs(out)...)...)
		got := run(t, "interlock", append(args, "-o", "text")...)
		if got.status > 1 {
			t.Fatalf("%q: got status %d\n%s%s", flags, got.status, got.stdout, got.stderr)
		}
		look("probe", []byte(got.stdout+got.stderr))
		if sent := strings.Contains(behind.seen()[before:], c.at("cookie of a browser")); sent != (flags != nil) {
			t.Errorf("%q: probes with the cookie that was recorded: %v", flags, sent)
		}
	}
	for _, path := range []string{
		"/metrics", "/healthz", "/readyz", "/", "/exchanges", "/findings", "/probes", "/status", "/rules", "/api/v1/endpoints", "/api/v1/probe-runs", "/api/v1/exchanges",
		"/api/v1/findings", "/api/v1/runs", "/api/v1/status",
	} {
		look(path, get(t, p, path))
	}
	for _, id := range exchangesOf(t, p) {
		look("/exchanges/"+id, get(t, p, "/exchanges/"+id))
		look("/exchanges/"+id+".json", get(t, p, "/exchanges/"+id+".json"))
	}
	files(t, dir, look) // includes the write-ahead log
	p.stop()
	if got := traces.all(); len(got) < 1000 {
		t.Errorf("the collector got %d bytes of traces", len(got))
	} else {
		look("traces", got)
	}
	for _, l := range p.lines {
		look("log", []byte(l.text))
	}
	for _, args := range [][]string{
		append([]string{"report", "--store", kept, "--location", "node/echo-server.mjs:3", "-o", "text"}, outputs(filepath.Join(dir, "reports"))...),
		{"store", "export", "--store", kept}, {"store", "export", "--store", kept, filepath.Join(dir, "export.ndjson")},
	} {
		got := run(t, "interlock", args...)
		if got.status > 1 || args[0] == "store" && len(args) == 4 && len(got.stdout) < 10_000 {
			t.Errorf("%q: got status %d, %d bytes\n%s", args, got.status, len(got.stdout), got.stderr)
		}
		look(args[0], []byte(got.stdout+got.stderr))
	}
	for _, place := range scanned(t, filepath.Join(dir, "reports")) {
		if place != "node/echo-server.mjs:3" {
			t.Errorf("a result is at %s, want it where --location says", place)
		}
	}
	if n := files(t, dir, look); n < 2*len(reportFormats)+len(all) {
		t.Errorf("only %d files were looked at", n)
	}
}

// exchangesOf returns the IDs of the exchanges on the first page of the API; each has a page of its
// own.
func exchangesOf(t *testing.T, p *process) []string {
	t.Helper()
	var ids []string
	for _, found := range regexp.MustCompile(`"id": ?"([0-9A-Z]{26})"`).FindAllSubmatch(get(t, p, "/api/v1/exchanges"), -1) {
		ids = append(ids, string(found[1]))
	}
	if len(ids) < 20 {
		t.Fatalf("the API shows %d exchanges", len(ids))
	}
	return ids
}

// A collector receives traces, as an OpenTelemetry collector does.
type collector struct {
	*httptest.Server
	mu   sync.Mutex
	text []byte
}

// collect starts a collector, which ends with the test.
func collect(t *testing.T) *collector {
	c := new(collector)
	c.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			var err error
			if body, err = gzip.NewReader(r.Body); err != nil {
				t.Error(err)
				return
			}
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.text = append(c.text, text...)
	}))
	t.Cleanup(c.Close)
	return c
}

// all returns everything received so far.
func (c *collector) all() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text
}

// outputs returns flags that write a report in every format to a folder.
func outputs(dir string) (flags []string) {
	os.Mkdir(dir, 0o700)
	for _, f := range reportFormats {
		flags = append(flags, "-o", f+"="+filepath.Join(dir, f))
	}
	return flags
}

// files calls look for every file below a folder, and returns the number of files.
func files(t *testing.T, dir string, look func(what string, text []byte)) (n int) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		n++
		look(name, text)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

// get returns the body of a response from the admin address, whatever its status.
func get(t testing.TB, p *process, path string) []byte {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+p.admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client(t).Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	return text
}

// send sends a request on its own connection and reads to the end. If the request asks for it, send
// writes a frame after the response.
func (c *canaries) send(t *testing.T, p *process, request string) {
	t.Helper()
	conn := dial(t, p.listen)
	conn.SetDeadline(time.Now().Add(patience))
	io.WriteString(conn, request)
	if strings.HasPrefix(request, "GET /later") {
		conn.Read(make([]byte, 64<<10))
		secret := c.at("frame")
		conn.Write(append([]byte{0x81, 0x80 | byte(len(secret)), 0, 0, 0, 0}, secret...))
	}
	conn.CloseWrite()
	io.Copy(io.Discard, conn)
	conn.Close()
}

// connect makes a valid handshake with credentials in every place. It comes last, so serve learns
// this handshake.
func (c *canaries) connect(t *testing.T, p *process) {
	t.Helper()
	c.send(t, p, "GET /later?token="+c.at("query of a browser")+" HTTP/1.1\r\nHost: staging.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nCookie: sid="+c.at("cookie of a browser")+"\r\nAuthorization: Bearer "+
		c.at("authorization of a browser")+"\r\nSec-WebSocket-Protocol: chat, base64url.bearer.authorization.k8s.io."+c.at("subprotocol of a browser")+"\r\n\r\n")
	p.await(t, "the learned handshake", func(l line) bool { return l.Message == "exchange" && strings.HasPrefix(l.Target, "/later?token=****") })
}
