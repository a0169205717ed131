package main

import (
	"bufio"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	gorilla "github.com/gorilla/websocket"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// probeSites returns the variables for scripts that probe, most of them URLs of backends. The
// backends run until the test ends.
func probeSites(t *testing.T) map[string]string {
	t.Helper()
	sites := map[string]string{}
	for site, name := range map[string]string{"SOUND": "sound", "UNSOUND": "unsound", "OTHER": "unsound", "LOGIN": "login", "SKIPPED": "login-skipped-by-offer"} {
		s, err := lab.Start(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		sites[site] = s.URL
	}
	for site, name := range map[string]string{"HTTP2": "h2", "DESYNC": "h2-desync", "UNOFFERED": "h2-not-offered", "HTTP1": "gorilla"} { // host and port
		s, err := lab.Start(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		sites[site] = s.Addr
	}
	for name, handler := range map[string]http.HandlerFunc{
		"EMPTY": http.NotFound,
		"FILES": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "a page") },
		"MOVED": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
		},
		"LOCKED": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "who are you", http.StatusUnauthorized) },
		"ASKING": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "upgrade", http.StatusUpgradeRequired) },
		"VERSIONS": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Sec-WebSocket-Version", "13")
			http.Error(w, "no", http.StatusBadRequest)
		},
		"TICKETS": tickets(),
		"GUARDED": guarded,
		"AGENTS":  agents,
	} {
		s := httptest.NewServer(handler)
		t.Cleanup(s.Close)
		sites[name] = s.URL
	}
	secure := httptest.NewUnstartedServer(http.HandlerFunc(switching))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	sites["TLS"], sites["CA"] = secure.Listener.Addr().String(), filepath.Join(t.TempDir(), "ca.pem")
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(sites["CA"], authority, 0o600); err != nil {
		t.Fatal(err)
	}
	sites["SSH"] = "http://" + acceptEach(t, func(conn net.Conn) { io.WriteString(conn, "SSH-2.0-OpenSSH_9.2\r\n") })
	sites["HOP"] = "http://" + acceptEach(t, hopTo(strings.TrimPrefix(sites["SOUND"], "http://")))
	closed, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	sites["NOBODY"] = "http://" + closed[0]
	return sites
}

// switching accepts handshakes and echoes frames.
func switching(w http.ResponseWriter, r *http.Request) {
	conn, err := (&gorilla.Upgrader{}).Upgrade(w, r, nil)
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

// tickets accepts one handshake for each path and value of X-Ticket.
func tickets() http.HandlerFunc {
	var mu sync.Mutex
	used := map[string]bool{}
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		ticket := r.URL.Path + " " + r.Header.Get("X-Ticket")
		again := used[ticket]
		used[ticket] = true
		mu.Unlock()
		if again {
			http.Error(w, "that ticket was used", http.StatusForbidden)
			return
		}
		switching(w, r)
	}
}

// guarded accepts only requests with a certain cookie and header.
func guarded(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Cookie") != "id=7" || r.Header.Get("X-Tenant") != "blue" {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	switching(w, r)
}

// agents rejects requests with a User-Agent header.
func agents(w http.ResponseWriter, r *http.Request) {
	if r.UserAgent() != "" {
		http.Error(w, "no", http.StatusTeapot)
		return
	}
	switching(w, r)
}

// acceptEach calls with for each connection to the address that it returns.
func acceptEach(t *testing.T, with func(net.Conn)) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				with(conn)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		all.Wait()
	})
	return ln.Addr().String()
}

// hopTo is a proxy in front of a backend that adds Connection: upgrade to requests without it.
func hopTo(backend string) func(net.Conn) {
	return func(client net.Conn) {
		server, err := net.Dial("tcp", backend)
		if err != nil {
			return
		}
		defer server.Close()
		br := bufio.NewReader(client)
		var head strings.Builder
		hasFile := false
		for {
			line, err := br.ReadString('\n')
			hasFile = hasFile || strings.HasPrefix(line, "Connection:")
			if line == "\r\n" && !hasFile {
				head.WriteString("Connection: upgrade\r\n")
			}
			head.WriteString(line)
			if err != nil || line == "\r\n" {
				break
			}
		}
		io.WriteString(server, head.String())
		var down sync.WaitGroup
		down.Go(func() {
			io.Copy(client, server)
			client.Close()
		})
		io.Copy(server, br)
		server.Close()
		down.Wait()
	}
}
