package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/elazarl/goproxy"
	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/ca"
)

// TestForwardListenerBearsWithHostileClients checks that each hostile client gets a response or
// EOF, and that all its resources are released.
func TestForwardListenerBearsWithHostileClients(t *testing.T) {
	a := newAuthority(t)
	r, proxy := forwardedBy(t, func(r *Relay) { r.Limits.Head = time.Second }, func(f *Forward) { f.CA = a.certificate() })
	to := r.Backend.String()
	connect := "CONNECT " + to + " HTTP/1.1\r\n\r\n"
	for name, each := range map[string]struct{ sent, want string }{
		"half a CONNECT":           {"CONNECT " + to + " HTT", ""},
		"half a head":              {"CONNECT " + to + " HTTP/1.1\r\nHost: a\r\n", ""},
		"CONNECT without port":     {"CONNECT 127.0.0.1 HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		"CONNECT to nothing":       {"CONNECT : HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		"CONNECT in origin-form":   {"CONNECT / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		"CONNECT in absolute-form": {"CONNECT http://" + to + "/ HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		"absolute-form of nothing": {"GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 403 Forbidden"},
		"huge head":                {connect[:len(connect)-2] + "X: " + strings.Repeat("a", 128<<10), "HTTP/1.1 400 Bad Request"},
		"many fields":              {connect[:len(connect)-2] + strings.Repeat("a: b\r\n", 32<<10) + "\r\n", "HTTP/1.1 400 Bad Request"},
		"a TLS hello to the proxy": {"\x16\x03\x01\x00\x05\x01hell", "HTTP/1.1 400 Bad Request"},
		"the preface of HTTP/2":    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 "},
		"half a hello":             {connect + "\x16\x03", established},
		"a hello without end":      {connect + "\x16\x03\x01\xff\xff\x01", established},
		"a hello that is none":     {connect + "\x16\x03\x01\x00\x05\x01hell" + strings.Repeat("o", 100), established},
		"nothing after CONNECT":    {connect, established},
	} {
		client := dial(t, proxy)
		send(t, client, each.sent)
		if name == "nothing after CONNECT" {
			client.CloseWrite()
		}
		text, err := io.ReadAll(client)
		if !strings.HasPrefix(string(text), each.want) || each.want == "" && len(text) > 0 || err != nil {
			t.Errorf("%s: got %q, %v, want %q", name, text, err, each.want)
		}
		client.Close()
	}
	slow := through(t, proxy, to)
	send(t, slow, "\x16") // and nothing else
	expectEnd(t, slow, "")
	r.backend.(*net.TCPListener).SetDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := r.backend.Accept(); err == nil {
		t.Error("the backend was dialled")
	}
	r.end()
}

// TestWhatOnlyBeginsLikeTLSIsCarried checks that such bytes are relayed unchanged, however they are
// split.
func TestWhatOnlyBeginsLikeTLSIsCarried(t *testing.T) {
	a := newAuthority(t)
	for _, first := range []string{"\x16\x02\x01\x00\x05\x01hello", "\x16\x03\x01\x00\x05\x02hello", "\x16\x15", "\x00\x16\x03"} {
		r, proxy := forwardedBy(t, nil, func(f *Forward) { f.CA = a.certificate() })
		client := through(t, proxy, r.Backend.String())
		for i := range len(first) {
			send(t, client, first[i:i+1])
		}
		backend := r.accept()
		expect(t, backend, first)
		send(t, backend, "hello")
		expect(t, client, "hello")
		client.Close()
		backend.Close()
	}
}

// firstAsOne is a connection that sends first in one segment with the first write.
type firstAsOne struct {
	*net.TCPConn
	first string
}

func (c *firstAsOne) Write(p []byte) (int, error) {
	n := len(c.first)
	written, err := c.TCPConn.Write(append([]byte(c.first), p...))
	c.first = ""
	return max(written-n, 0), err
}

// slow is a connection that writes byte by byte.
type slow struct{ *net.TCPConn }

func (c slow) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := c.TCPConn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// TestHelloMayComeInAnyPieces sends a ClientHello in one segment with the CONNECT, and byte by
// byte.
func TestHelloMayComeInAnyPieces(t *testing.T) {
	a := newAuthority(t)
	cert := a.issue(t)
	r, proxy := forwardedBy(t, func(r *Relay) { r.Backend.TLS = &tls.Config{RootCAs: a.pool} }, func(f *Forward) { f.CA = a.certificate() })
	for _, pieces := range []string{"one segment", "bytes"} {
		var conn net.Conn
		if pieces == "bytes" {
			conn = slow{through(t, proxy, r.Backend.String())}
		} else {
			tcp := dial(t, proxy)
			conn = &answeredFirst{firstAsOne{tcp, "CONNECT " + r.Backend.String() + " HTTP/1.1\r\n\r\n"}, len(established)}
		}
		client := tls.Client(conn, &tls.Config{RootCAs: a.pool, ServerName: "localhost"})
		send(t, client, handshake)
		backend := tls.Server(r.accept(), &tls.Config{Certificates: []tls.Certificate{cert}})
		expect(t, backend, handshake)
		send(t, backend, switching)
		expect(t, client, switching)
		client.Close()
		backend.Close()
	}
}

// answeredFirst is a connection that skips the first left bytes it reads.
type answeredFirst struct {
	firstAsOne
	left int
}

func (c *answeredFirst) Read(p []byte) (int, error) {
	for c.left > 0 {
		n, err := c.TCPConn.Read(make([]byte, c.left))
		c.left -= n
		if err != nil {
			return 0, err
		}
	}
	return c.TCPConn.Read(p)
}

// TestDrainEndsForwardedRequests checks that a request without a response ends at the drain
// deadline and that its resources are released.
func TestDrainEndsForwardedRequests(t *testing.T) {
	r, proxy := forwardedBy(t, func(r *Relay) { r.Limits.Drain = 100 * time.Millisecond }, nil)
	for _, request := range requests(r.Backend.String())[:2] {
		client := dial(t, proxy)
		send(t, client, request)
		if strings.HasPrefix(request, "CONNECT") {
			expect(t, client, established)
			continue
		}
		backend := r.accept()
		if _, err := backend.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	r.end()
}

// TestLeavesAreBounded checks that clients, which choose the names, cannot fill the certificate
// cache without bound.
func TestLeavesAreBounded(t *testing.T) {
	l, err := newLeaves(newAuthority(t).certificate(), relay(t, nil).Log)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxLeaves + 50 {
		if _, err := l.get(&tls.ClientHelloInfo{ServerName: fmt.Sprintf("h%d.test", i)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"", "-.-", "a..b", strings.Repeat("a", 64) + ".test", "1.2.3.4.5", "a b"} {
		if cert, err := l.get(&tls.ClientHelloInfo{ServerName: name, Conn: &tlsSocket{host: "fallback.test"}}); err != nil || name != "-.-" && cert.Leaf.DNSNames[0] != "fallback.test" {
			t.Errorf("%q: got %v, %v", name, cert, err)
		}
	}
	if _, err := l.get(&tls.ClientHelloInfo{}); err == nil {
		t.Error("a certificate was made for an empty name")
	}
	if len(l.held) > maxLeaves {
		t.Errorf("%d certificates are kept", len(l.held))
	}
}

// TestForwardRefusesToStart checks for one clear line of error for each invalid setting.
func TestForwardRefusesToStart(t *testing.T) {
	a := newAuthority(t)
	leaf := a.issue(t)
	for want, f := range map[string]*Forward{
		"published one of goproxy": {CA: &goproxy.GoproxyCa},
		"not one of an authority":  {CA: &leaf},
		"key is missing":           {CA: &tls.Certificate{Certificate: [][]byte{a.cert.Raw}}},
		"neither a host nor":       {Hosts: []string{"http://a.test/"}},
		`"b_/"`:                    {PassThrough: []string{"b_/"}},
		"upstream proxy is no URL": {Upstream: &url.URL{Scheme: "https", Host: "proxy.test"}},
	} {
		f.Relay = relay(t, nil).Relay
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Serve(t.Context(), ln); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want one line with %q", err, want)
		}
		if err := f.Check(); err == nil {
			t.Errorf("%s: passed the check", want)
		}
		if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
			t.Error("the listener is left open")
		}
	}
}

func TestPageIsServed(t *testing.T) {
	_, proxy := forwardedBy(t, nil, func(f *Forward) {
		f.Users = map[string]string{"ann": "s3cret"}
		f.Page = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { fmt.Fprintf(w, "page %s", q.URL.Path) })
	})
	if status, text := answered(t, proxy, "GET /x HTTP/1.1\r\nHost: anything.test\r\n\r\n"); status != 200 || text != "page /x" {
		t.Errorf("got %d %q", status, text)
	}
}

// TestAuthorityThatMayNotVouch checks that the log says why clients reject a host that the CA may
// not issue certificates for.
func TestAuthorityThatMayNotVouch(t *testing.T) {
	made, err := ca.Create(t.TempDir()+"/authority", []string{"staging.test"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(made.Certificate)
	var log buffer
	r, proxy := forwardedBy(t, func(r *Relay) { r.Log = zerolog.New(&log) }, func(f *Forward) { f.CA = made.TLS() })
	for name, fits := range map[string]bool{"a.staging.test": true, "bank.test": false} {
		client := tls.Client(through(t, proxy, r.Backend.String()), &tls.Config{RootCAs: pool, ServerName: name})
		if err := client.HandshakeContext(t.Context()); (err == nil) != fits {
			t.Errorf("%s: got %v", name, err)
		}
		client.Close()
	}
	const says = `may not vouch for \"bank.test\": create one that may, with interlock ca create`
	for deadline := time.Now().Add(patience); !strings.Contains(log.String(), says); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("logged %s", log.String())
		}
	}
	r.end()
}
