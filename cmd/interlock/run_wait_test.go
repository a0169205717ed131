package main

import (
	"bufio"
	"bytes"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/lab/ports"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/proxy"
)

// TestTheCommandStartsWhenTheBackendAnswers has a backend that at first accepts connections and
// closes them, as a port forwarder does while its program is starting.
func TestTheCommandStartsWhenTheBackendAnswers(t *testing.T) {
	const late = 3 // the number of connections that are closed
	var asked atomic.Int64
	address := acceptEach(t, func(conn net.Conn) {
		if asked.Add(1) <= late {
			return
		}
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}
	})
	var stdout, stderr bytes.Buffer
	status := execute([]string{"run", "--backend", "http://" + address, "--wait", "1m", "--allow-no-traffic", "--", "echo", "started"}, &stdout, &stderr)
	if status != exit.StatusClean || stdout.String() != "started\n" || asked.Load() != late+1 {
		t.Errorf("status %d, %d connections, stdout %q\n%s", status, asked.Load(), stdout.String(), &stderr)
	}
	if waits := "interlock: waiting for the backend " + address + "\n"; strings.Count(stderr.String(), waits) != 1 {
		t.Errorf("got %q, want %q once", stderr.String(), waits)
	}
}

// TestAwaitedBackends waits for backends of every kind.
func TestAwaitedBackends(t *testing.T) {
	dir := t.TempDir()
	socket, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	local := httptest.NewUnstartedServer(http.NotFoundHandler())
	local.Listener.Close()
	local.Listener = socket
	local.Start()
	defer local.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	authority := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	authorities := config.BackendTLSConfig{CA: authority, ServerName: "example.com"}
	config, err := authorities.Config()
	if err != nil {
		t.Fatal(err)
	}
	second := httptest.NewServer(http.NotFoundHandler())
	defer second.Close()
	closed, err := ports.Free(1) // reserved, so that no other test's server gets it
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*proxy.Backend{
		"a unix socket": proxy.To("unix:" + socket.Addr().String()),
		"TLS":           {Addresses: []string{secure.Listener.Addr().String()}, TLS: config, Host: "staging.test"},
		"two addresses": {Addresses: []string{closed[0], second.Listener.Addr().String()}},
		"PROXY, text":   {Addresses: []string{announced(t, "PROXY UNKNOWN\r\n")}, ProxyProtocol: 1},
		"PROXY, binary": {Addresses: []string{announced(t, "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00")}, ProxyProtocol: 2},
	} {
		var stderr bytes.Buffer
		awaiting := run.Run{Screen: terminal.NewScreen(io.Discard, &stderr)}
		if err := awaiting.Await(t.Context(), b); err != nil || stderr.Len() > 0 {
			t.Errorf("%s: got %v, %s", name, err, &stderr)
		}
	}
}

// announced answers requests on connections that begin with front, and closes others.
func announced(t *testing.T, front string) string {
	return acceptEach(t, func(conn net.Conn) {
		begin := make([]byte, len(front))
		if _, err := io.ReadFull(conn, begin); err != nil || string(begin) != front {
			return
		}
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			io.WriteString(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
		}
	})
}
