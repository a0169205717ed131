package why

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/internal/probe"
)

// inTLS accepts TLS with these protocols, and passes on what is inside to a backend in plain text.
func inTLS(t *testing.T, backend string, c tls.Certificate, protocols ...string) *server {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c}, NextProtos: protocols})
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { bridge(conn, backend) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		serving.Wait()
	})
	return &server{t: t, address: ln.Addr().String()}
}

// bridge passes on the bytes of a connection in both directions until one ends.
func bridge(conn net.Conn, backend string) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	far, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	defer far.Close()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(conn, far)
		conn.Close()
	})
	_, _ = io.Copy(far, conn)
	far.Close()
	back.Wait()
}

// TestWalkInHTTP2 walks to servers of the lab in HTTP/2 without TLS, and in both versions.
func TestWalkInHTTP2(t *testing.T) {
	for name, c := range map[string]struct {
		backend, path string
		http          probe.HTTP
		fields        []string
		result        Result
		id            string // of the first diagnosis
		begins        string // the summary
		contains      string
	}{
		"works":              {"h2", "/ws", probe.HTTP2, nil, Works, "", "It works in HTTP/2: h2c://", "accepts a valid handshake, and those of Chrome and Firefox."},
		"both":               {"h2", "/ws", probe.Both, nil, Works, "", "It works in HTTP/1.1 and HTTP/2: ", ""},
		"a page":             {"h2-page", "/ws", probe.HTTP2, nil, Fails, "h2-page-as-tunnel", "It does not work in HTTP/2. ", "a browser fires open, and then close with code 1006"},
		"a page, and 101":    {"h2-page", "/ws", probe.Both, nil, Fails, "h2-page-as-tunnel", "It does not work in HTTP/2, and works in HTTP/1.1. ", ""},
		"not offered":        {"h2-not-offered", "/ws", probe.HTTP2, nil, Fails, "h2-setting-missing", "It does not work in HTTP/2. ", "its SETTINGS do not offer WebSockets in it"},
		"not offered, 1.1":   {"h2-not-offered", "/ws", probe.Both, nil, Works, "", "It works: ws://", "browsers open a connection in HTTP/1.1 for them"},
		"a key":              {"h2-wants-key", "/ws", probe.Both, nil, Fails, "walk-only-http1", "It does not work in HTTP/2, and works in HTTP/1.1. ", "gets 101 in HTTP/1.1, and 400 in HTTP/2"},
		"resets":             {"h2-refused-stream", "/ws", probe.HTTP2, []string{"Origin: https://evil.test"}, Fails, "walk-origin", "It does not work in HTTP/2. ", "it answers a reset, and 200 without Origin"},
		"Origin":             {"h2", "/ws", probe.HTTP2, []string{"Origin: https://evil.test"}, Fails, "walk-origin", "It does not work in HTTP/2. ", "it answers 403, and 200 without Origin"},
		"HTTP/1.1 only":      {"gorilla", "/chat", probe.HTTP2, nil, Fails, "walk-no-http2", "It does not work. ", "does not answer the preface of HTTP/2 in plain text"},
		"HTTP/1.1 only, too": {"gorilla", "/chat", probe.Both, nil, Works, "", "It works: ", "The server does not speak HTTP/2"},
		"ends all":           {"h2-ends-all", "/ws", probe.HTTP2, nil, Works, "", "It works in HTTP/2: ", "All other requests and tunnels on it fail at the same time"},
		"a close is reset":   {"h2-close-resets", "/ws", probe.HTTP2, nil, Works, "", "It works in HTTP/2: ", "instead of sending its own"},
	} {
		t.Run(name, func(t *testing.T) {
			backend, err := lab.Start(c.backend)
			if err != nil {
				t.Fatal(err)
			}
			defer backend.Close()
			target := (&server{t: t, address: backend.Addr}).target(c.path, c.fields...)
			target.HTTP, target.Prior = c.http, c.http == probe.HTTP2
			expectWalk(t, walk(t, target), c.result, c.id, c.begins, c.contains)
		})
	}
}

// expectWalk checks the report of a walk.
func expectWalk(t *testing.T, r *Report, result Result, id, begins, contains string) {
	t.Helper()
	if r.Result != result || !strings.HasPrefix(r.Summary, begins) || !strings.Contains(r.Summary, contains) {
		t.Errorf("got %s: %s", r.Result, r.Summary)
	}
	if (len(r.Diagnoses) > 0) != (id != "") || id != "" && r.Diagnoses[0].ID != id {
		t.Errorf("got %+v, want %s", r.Diagnoses, id)
	}
}

// TestWalkByALPN walks to servers in TLS, which choose the version by ALPN.
func TestWalkByALPN(t *testing.T) {
	now := time.Now()
	authority := certificate(t, "authority.test", now.Add(-time.Hour), now.Add(time.Hour), nil)
	good := certificate(t, "chat.test", now.Add(-time.Hour), now.Add(100*24*time.Hour), &authority)
	roots := x509.NewCertPool()
	roots.AddCert(authority.Leaf)
	both := []string{"h2", "http/1.1"}
	for name, c := range map[string]struct {
		backend   string
		protocols []string
		http      probe.HTTP
		result    Result
		id        string
		begins    string
		contains  string
	}{
		"both":         {"h2-any-scheme", both, probe.Chosen, Works, "", "It works in HTTP/1.1 and HTTP/2: wss://", ""},
		"http/1.1":     {"h2-any-scheme", both[1:], probe.Chosen, Works, "", "It works: wss://", ""},
		"--http 1.1":   {"h2-any-scheme", both, probe.HTTP1, Works, "", "It works: wss://", ""},
		"--http 2":     {"h2-any-scheme", both[:1], probe.HTTP2, Works, "", "It works in HTTP/2: wss://", ""},
		"no h2":        {"h2-any-scheme", both[1:], probe.HTTP2, Fails, "walk-no-http2", "It does not work. ", `the server chooses "http/1.1" by ALPN`},
		"not offered":  {"h2-not-offered", both, probe.Chosen, Works, "", "It works: wss://", "does not offer WebSockets in it"},
		"fails over 2": {"h2-page", both, probe.Chosen, Fails, "walk-only-http1", "It does not work in HTTP/2, and works in HTTP/1.1. ", "and 400 in HTTP/2"},
	} {
		t.Run(name, func(t *testing.T) {
			backend, err := lab.Start(c.backend)
			if err != nil {
				t.Fatal(err)
			}
			defer backend.Close()
			target := inTLS(t, backend.Addr, good, c.protocols...).target("/ws")
			target.Scheme, target.TLS, target.HTTP = "https", &tls.Config{RootCAs: roots, ServerName: "chat.test"}, c.http
			expectWalk(t, walk(t, target), c.result, c.id, c.begins, c.contains)
		})
	}
}
