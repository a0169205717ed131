package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/lab"
)

// TestReplayInHTTP2 replays an exchange over HTTP/2 to the same backend, to one that has been fixed and to one
// that speaks HTTP/1.1 only, by the command and by the API.
func TestReplayInHTTP2(t *testing.T) {
	var backends []*lab.Server
	for _, name := range []string{"h2-any-protocol", "h2", "gorilla"} {
		s, err := lab.Start(name)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		backends = append(backends, s)
	}
	file := filepath.Join(t.TempDir(), "kept.db")
	s := serveFile(t, "backend: "+backends[0].URL+"\nstore: "+file+"\n")
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = conn.Write(http2Bytes("", ":method", "CONNECT", ":protocol", "interlock-unknown", ":scheme", "http", ":path", "/ws", ":authority", "lab",
		"sec-websocket-version", "13", "origin", "http://lab", "cookie", "session=SPARROW"))
	id := s.await(t, "exchange", 1)["exchange"].(string)
	_ = conn.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
	api := func(body string) (status int, text string) {
		t.Helper()
		q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.admin+"/api/v1/replays", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", "application/json")
		p, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Body.Close()
		b, err := io.ReadAll(p.Body)
		if err != nil {
			t.Fatal(err)
		}
		return p.StatusCode, string(b)
	}
	deadline := time.Now().Add(time.Minute)
	status, text := api(fmt.Sprintf(`{"exchange":%q}`, id))
	for ; status == http.StatusNotFound && time.Now().Before(deadline); status, text = api(fmt.Sprintf(`{"exchange":%q}`, id)) { // until it is stored
		runtime.Gosched()
	}
	if status != http.StatusUnprocessableEntity || !strings.Contains(text, "blanked out when it was recorded: cookie") {
		t.Errorf("without values: %d %s", status, text)
	}
	if status, text := api(fmt.Sprintf(`{"exchange":%q,"values":{"cookie":"session=FINCH"}}`, id)); status != http.StatusCreated || !strings.Contains(text, `"outcome":"switched"`) || strings.Contains(text, "FINCH") {
		t.Errorf("with values: %d %s", status, text)
	}
	s.end()
	again := func(backend *lab.Server, more ...string) (status int, stdout, stderr string) {
		return invoke(append([]string{"replay", id, "--store", file, "--backend", backend.URL, "-H", "Cookie: session=FINCH"}, more...)...)
	}
	if status, text, stderr := again(backends[0]); status != exit.StatusClean || !strings.Contains(text, "nothing differs") || strings.Contains(text, "FINCH") {
		t.Errorf("again: status %d\n%s%s", status, text, stderr)
	}
	if _, text, _ := again(backends[1]); !strings.Contains(text, "outcome   switched, and now refused") || !strings.Contains(text, "status    200, and now 501") {
		t.Errorf("mended:\n%s", text)
	}
	if _, text, stderr := again(backends[2]); !strings.Contains(text, "outcome   switched, and now ") {
		t.Errorf("in HTTP/1.1:\n%s%s", text, stderr)
	}
	if status, _, stderr := again(backends[0], "--frames"); status != exit.StatusUsage || stderr != "interlock: replay --frames: messages over HTTP/2 cannot be sent again: leave out --frames\n" {
		t.Errorf("--frames: status %d, %s", status, stderr)
	}
}
