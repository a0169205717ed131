//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestClientsThatWantHTTP2 runs curl, which offers HTTP/2. For a name in h2_pass it gets HTTP/2
// from the backend itself, and the connection is not inspected. For one in h2_audit it gets HTTP/2 that is
// inspected. For any other name it gets HTTP/1.1. All are counted, logged and shown.
func TestClientsThatWantHTTP2(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(chat))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	backend := server.Listener.Addr().String()
	cert, key := selfSigned(t)
	config := file(t, "interlock.yaml", []byte("backend_tls: {insecure: true}\ntls:\n  certificates: [{cert: "+cert+", key: "+key+"}]\n  h2_pass: [\"*.pass.example\"]\n  h2_audit: [\"*.audit.example\"]\n"))
	p := serve(t, backend, "--backend", "https://"+backend, "--config", config)
	_, port, err := net.SplitHostPort(p.listen)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{"a.pass.example": "2", "a.audit.example": "2", "pass.example": "1.1"} {
		got := succeed(t, program(t, "curl", "curl"), "-sSk", "--resolve", host+":"+port+":127.0.0.1", "-w", "%{http_version}", "https://"+host+":"+port+"/api/items")
		if got.stdout != items+want {
			t.Errorf("%s: got %q, want it in HTTP/%s", host, got.stdout, want)
		}
	}
	p.message(t, "client wanted h2 and got http/1.1")
	p.message(t, "client wanted h2 and is not audited")
	p.message(t, "client and backend speak h2")
	var shown bytes.Buffer
	if err := json.Compact(&shown, []byte(succeed(t, program(t, "curl", "curl"), "-sS", "http://"+p.admin+"/status.json").stdout)); err != nil {
		t.Fatal(err)
	}
	for _, each := range []string{`"name":"clients that wanted HTTP/2","value":"1"`, `"name":"TLS connections","value":"1"`} {
		if !strings.Contains(shown.String(), each) {
			t.Errorf("the status is %s, want %s", &shown, each)
		}
	}
	if stopped := p.stop(); stopped.TLS != 1 {
		t.Errorf("got %s, want 1 connection of TLS that was not audited", stopped.text)
	}
}
