//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// clientIP is the address of the test's clients. It differs from those of the proxies.
const clientIP = "127.0.0.9"

// TestBehindProxies starts each proxy with the configuration of its page, and Interlock behind it.
func TestBehindProxies(t *testing.T) {
	t.Parallel()
	configs := printed(t, "proxies.md", "yaml", "TestBehindProxies")
	if len(configs) != 2 || !strings.Contains(configs[1], "proxy_from:") {
		t.Fatalf("proxies.md has the configurations %q", configs)
	}
	for name, f := range fronteds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, s, config := newKeyed(t), newSetting(t), configs[0]
			s.renew(t, app.addr())
			if f.proxyFrom {
				config = configs[1]
			}
			p := s.serve(t, config)
			f.start(t, s, printed(t, "with-"+name+".md", f.language, "TestBehindProxies")[0], "443")

			key := freshKey()
			if head, err := s.upgrade(t, key); err != nil {
				t.Fatalf("%v after %q", err, head)
			}
			x := p.stored(t, "/chat")
			seen, _ := app.head(key)
			if x.Request.Head != seen.request || x.Response.Head != seen.response || len(x.Altered) > 0 {
				t.Errorf("got %q and %q, altered %q, in the store, want what the application got and sent:\n%q\n%q", x.Request.Head, x.Response.Head, x.Altered, seen.request, seen.response)
			}
			if host, _, _ := net.SplitHostPort(x.Client); host != map[bool]string{true: clientIP, false: "127.0.0.1"}[f.proxyFrom] {
				t.Errorf("the store has the client %s", x.Client)
			}
			s.forwards(t, seen.request, clientIP)
			if x.Verdict != "pass" {
				t.Errorf("the verdict is %s", x.Verdict)
			}
			s.http2(t)
		})
	}
}

// TestInFrontOfProxies starts each proxy with the configuration of its page, and Interlock in front of
// it.
func TestInFrontOfProxies(t *testing.T) {
	t.Parallel()
	for name, f := range fronteds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, s := newKeyed(t), newSetting(t)
			s.renew(t, app.addr())
			config := printed(t, "proxies.md", "yaml", "TestInFrontOfProxies")[0]
			client, altered := clientIP, []string{"proxy-protocol"}
			if f.unreadable {
				config = strings.Replace(config, "send_proxy: 2\n", "", 1)
				client, altered = "127.0.0.1", nil
			}
			f.start(t, s, printed(t, "with-"+name+".md", f.language, "TestInFrontOfProxies")[0], "8443")
			p := s.serve(t, config)

			key := freshKey()
			head, err := s.upgrade(t, key)
			if err != nil {
				t.Fatalf("%v after %q", err, head)
			}
			x := p.stored(t, "/chat")
			if sent := chatHandshake(key); x.Request.Head != sent || x.Response.Head != head || !slices.Equal(x.Altered, altered) {
				t.Errorf("got %q and %q, altered %q, in the store, want what the client sent and got:\n%q\n%q", x.Request.Head, x.Response.Head, x.Altered, sent, head)
			}
			if host, _, _ := net.SplitHostPort(x.Client); host != clientIP || x.Verdict != "pass" {
				t.Errorf("the store has the client %s and the verdict %s", x.Client, x.Verdict)
			}
			seen, _ := app.head(key)
			s.forwards(t, seen.request, client)
			s.http2(t)
		})
	}
}

// serve starts Interlock with a configuration of the pages.
func (s *setting) serve(t *testing.T, config string) *process {
	t.Helper()
	return startServe(t, []string{"env", "SSL_CERT_FILE=" + s.cert, "interlock", "serve", "--config", s.file(t, "interlock.yaml", s.real(config)),
		"--admin", "127.0.0.1:0", "--log", "json", "--store", filepath.Join(s.dir, "interlock.db")})
}

func chatHandshake(key string) string {
	return "GET /chat HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: https://chat.example\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n\r\n"
}

// dial connects to port 443 of the page from the address of the test's clients.
func (s *setting) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(clientIP)}}
	return from.DialContext(ctx, "tcp", s.addr("443"))
}

// upgrade opens a tunnel to /chat, has a message echoed, and returns the head of the response.
func (s *setting) upgrade(t *testing.T, key string) (string, error) {
	t.Helper()
	plain, err := s.dial(t.Context(), "", "")
	if err != nil {
		return "", err
	}
	conn := tls.Client(plain, trusting(t, s.cert, "chat.example"))
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, chatHandshake(key)); err != nil {
		return "", err
	}
	in := bufio.NewReader(conn)
	head, err := readHead(in)
	if err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 ") {
		return head, errors.Join(errors.New("no tunnel"), err)
	}
	if _, err := io.WriteString(conn, echoFrame); err != nil {
		return head, err
	}
	got := make([]byte, len(echoed5))
	if _, err := io.ReadFull(in, got); err != nil || string(got) != echoed5 {
		return head, errors.Join(fmt.Errorf("got %q through the tunnel", got), err)
	}
	return head, nil
}

// http2 checks that an ordinary request of a client that offers HTTP/2 is answered in HTTP/2.
func (s *setting) http2(t *testing.T) {
	t.Helper()
	transport := &http.Transport{DialContext: s.dial, TLSClientConfig: trusting(t, s.cert, "chat.example"), ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport, Timeout: patience}).Get("https://chat.example/items")
	if err != nil {
		t.Error(err)
		return
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
		t.Errorf("got %s %s, want a 200 in HTTP/2", response.Proto, response.Status)
	}
}

// forwards checks what the proxy tells the application.
func (s *setting) forwards(t *testing.T, request, client string) {
	t.Helper()
	got := headersOf(request)
	for name, want := range map[string]string{"host": "chat.example", "x-forwarded-for": client, "x-forwarded-proto": "https"} {
		if got[name] != want {
			t.Errorf("the application got %s: %s, want %s", name, got[name], want)
		}
	}
}

// storedExchange is what the tests read of an exchange in the store.
type storedExchange struct {
	Client, Verdict   string
	Altered           []string
	Request, Response struct{ Head string } // the bytes
}

// stored waits until the exchange with a target is in the store.
func (p *process) stored(t *testing.T, target string) (x storedExchange) {
	t.Helper()
	id := p.exchange(t, target).Exchange
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		var raw struct {
			storedExchange
			Request, Response struct{ Head []byte }
		}
		if err := json.Unmarshal(get(t, p, "/api/v1/exchanges/"+id), &raw); err != nil {
			t.Fatal(err)
		}
		if x = raw.storedExchange; len(raw.Response.Head) > 0 {
			x.Request.Head, x.Response.Head = string(raw.Request.Head), string(raw.Response.Head)
			return x
		}
		if time.Now().After(deadline) {
			t.Fatalf("the exchange %s is not in the store", id)
		}
	}
}
