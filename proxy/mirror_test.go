package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/interlock-proxy/interlock/wire"
)

// audited is a relay that gives clients the protocol of the backend. Both sides speak TLS.
func (a *authority) audited(t *testing.T, change func(*Relay)) *relayed {
	t.Helper()
	cert := a.issue(t)
	return relay(t, func(r *Relay) {
		r.Backend.TLS = &tls.Config{RootCAs: a.pool}
		if change != nil {
			change(r)
		}
	}, func(l *Listener) {
		l.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		l.HTTP2 = func(string) HTTP2 { return AuditHTTP2 }
	})
}

// browser is the TLS of a client that offers HTTP/2.
func (a *authority) browser() *tls.Config {
	return &tls.Config{RootCAs: a.pool, ServerName: "localhost", NextProtos: []string{"h2", "http/1.1"}}
}

// shake has a client come by, and the backend accept its connections until one of them is used. It returns
// both, after the handshakes, and how many connections the backend got.
func (r *relayed) shake(client, server *tls.Config) (c, s *tls.Conn, tries int) {
	r.t.Helper()
	dialled := tls.Client(r.dial(), client)
	shaken, over := make(chan struct{}), make(chan error, 1)
	go func() {
		err := dialled.Handshake()
		close(shaken)
		if err == nil && dialled.ConnectionState().NegotiatedProtocol != "h2" {
			_, err = io.WriteString(dialled, plain)
		}
		over <- err
	}()
	for tries = 1; ; tries++ {
		s = tls.Server(r.accept(), server)
		if s.Handshake() != nil {
			continue
		}
		<-shaken
		if dialled.ConnectionState().NegotiatedProtocol == "h2" {
			break
		}
		got := make([]byte, len(plain))
		if _, err := io.ReadFull(s, got); err == nil && string(got) == plain {
			break
		}
	}
	if err := <-over; err != nil {
		r.t.Fatal(err)
	}
	return dialled, s, tries
}

// TestClientGetsTheProtocolOfTheBackend checks what clients that offer HTTP/2 get, by the backend.
func TestClientGetsTheProtocolOfTheBackend(t *testing.T) {
	a := newAuthority(t)
	other := To("192.0.2.1:443")
	for name, test := range map[string]struct {
		change     func(*Relay)
		server     func(*tls.Config)
		protocol   string
		tries      int
		downgraded int64
	}{
		"h2":              {protocol: "h2", tries: 1},
		"TLS 1.2":         {server: func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, protocol: "h2", tries: 1},
		"http/1.1":        {server: func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }, protocol: "http/1.1", tries: 1},
		"no ALPN":         {server: func(c *tls.Config) { c.NextProtos = nil }, protocol: "http/1.1", tries: 1},
		"its preference":  {server: func(c *tls.Config) { c.NextProtos = []string{"http/1.1", "h2"} }, protocol: "http/1.1", tries: 1},
		"forbidden suite": {server: forbidden, protocol: "http/1.1", tries: 2, downgraded: 1},
		"certificate":     {server: func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert }, protocol: "http/1.1", tries: 2, downgraded: 1},
		"certificate in TLS 1.2": {server: func(c *tls.Config) {
			c.ClientAuth, c.MaxVersion = tls.RequestClientCert, tls.VersionTLS12
		}, protocol: "http/1.1", tries: 2, downgraded: 1},
		"edited heads": {change: func(r *Relay) { r.Backend.Host = "staging.test" }, protocol: "http/1.1", tries: 1, downgraded: 1},
		"chosen by head": {change: func(r *Relay) {
			to := r.Backend
			r.Others = []*Backend{other}
			r.Choose = func(a *Arrival) (*Backend, string) {
				if a.Early {
					return nil, ""
				}
				return to, ""
			}
		}, protocol: "http/1.1", tries: 1, downgraded: 1},
		"chosen by SNI": {change: func(r *Relay) {
			to := r.Backend
			r.Backend, r.Others = other, []*Backend{to}
			r.Choose = func(a *Arrival) (*Backend, string) {
				if a.SNI == "localhost" {
					return to, ""
				}
				return other, ""
			}
		}, protocol: "h2", tries: 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := a.audited(t, test.change)
			server := &tls.Config{Certificates: []tls.Certificate{a.issue(t)}, NextProtos: []string{"h2", "http/1.1"}}
			if test.server != nil {
				test.server(server)
			}
			c, s, tries := r.shake(a.browser(), server)
			for side, conn := range map[string]*tls.Conn{"client": c, "backend": s} {
				if got := conn.ConnectionState().NegotiatedProtocol; got != test.protocol && !(got == "" && side == "backend") {
					t.Errorf("the %s speaks %q, want %q", side, got, test.protocol)
				}
			}
			if n := r.Counts.Downgraded.Load(); tries != test.tries || n != test.downgraded {
				t.Errorf("the backend got %d connections, want %d; %d were downgraded, want %d", tries, test.tries, n, test.downgraded)
			}
			if sni := s.ConnectionState().ServerName; test.protocol == "h2" && sni != "localhost" {
				t.Errorf("the backend was asked for %q", sni)
			}
			c.Close()
			s.Close()
		})
	}
}

// forbidden has a server speak TLS that HTTP/2 forbids (RFC 9113 appendix A).
func forbidden(c *tls.Config) {
	c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
}

// http2Client is what a client sends that opens a WebSocket on stream 1.
func http2Client(t *testing.T) string {
	t.Helper()
	var b, block bytes.Buffer
	b.WriteString(http2.ClientPreface)
	f, e := http2.NewFramer(&b, nil), hpack.NewEncoder(&block)
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{":method CONNECT", ":protocol websocket", ":scheme https", ":path /chat", ":authority localhost", "sec-websocket-version 13"} {
		name, value, _ := strings.Cut(line, " ")
		if err := e.WriteField(hpack.HeaderField{Name: name, Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const (
	http2Settings = "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x01" // extended CONNECT
	http2OK       = "\x00\x00\x01\x01\x04\x00\x00\x00\x01\x88"
	http2Frame    = "\x00\x00\x04\x00\x00\x00\x00\x00\x01\x81\x02hi"
	http2Masked   = "\x00\x00\x08\x00\x00\x00\x00\x00\x01\x81\x82abcd\x09\x0b"
)

// TestWebSocketInsideTLSIsAudited opens a WebSocket over HTTP/2 through TLS on both sides. The server speaks
// first. Every byte comes as it was sent.
func TestWebSocketInsideTLSIsAudited(t *testing.T) {
	a := newAuthority(t)
	r := a.audited(t, nil)
	c, s, _ := r.shake(a.browser(), &tls.Config{Certificates: []tls.Certificate{a.issue(t)}, NextProtos: []string{"h2"}})
	send(t, s, http2Settings)
	expect(t, c, http2Settings)
	up := http2Client(t)
	send(t, c, up)
	expect(t, s, up)
	send(t, s, http2OK+http2Frame)
	expect(t, c, http2OK+http2Frame)
	send(t, c, http2Masked)
	expect(t, s, http2Masked)
	c.Close()
	expectEnd(t, s, "")
	s.Close()
	r.end()
	all := r.all()
	if len(all) != 1 {
		t.Fatalf("%d exchanges", len(all))
	}
	x := all[0]
	if x.Outcome != wire.Switched || !x.Final || x.Stream == nil || x.Stream.Offered != wire.OfferYes || x.Stream.Connection == nil || x.Stream.Connection.ALPN != "h2" || x.Stream.Connection.SNI != "localhost" || !x.ClientTLS || !x.BackendTLS ||
		string(x.After.Client) != http2Masked[9:] || string(x.After.Server) != http2Frame[9:] {
		t.Errorf("got %+v, stream %+v, after %+v", x, x.Stream, x.After)
	}
	if n := r.Counts.Opaque.Load(); n != 0 {
		t.Errorf("%d connections could not be read", n)
	}
}

// TestNothingIsLeftOfAFailedHandshake has clients leave after the backend was dialled, in several ways.
func TestNothingIsLeftOfAFailedHandshake(t *testing.T) {
	a := newAuthority(t)
	for name, begin := range map[string]func(*testing.T, net.Conn){
		"does not trust": func(t *testing.T, c net.Conn) {
			config := a.browser()
			config.RootCAs = newAuthority(t).pool
			tls.Client(c, config).Handshake()
		},
		"leaves": func(t *testing.T, c net.Conn) {
			hello(t, c, a.browser())
			c.Close()
		},
		"stays until the relay ends": func(t *testing.T, c net.Conn) { hello(t, c, a.browser()) },
	} {
		t.Run(name, func(t *testing.T) {
			r := a.audited(t, nil)
			c, begun := r.dial(), make(chan struct{})
			go func() {
				defer close(begun)
				begin(t, c)
			}()
			s := tls.Server(r.accept(), &tls.Config{Certificates: []tls.Certificate{a.issue(t)}, NextProtos: []string{"h2"}})
			err := s.Handshake()
			<-begun
			if name == "stays until the relay ends" {
				r.stop()
			}
			if err == nil {
				_, err = io.ReadAll(s)
			}
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection to the backend was not closed")
			}
			r.end()
			if n := len(r.own.all); n != 0 {
				t.Errorf("%d connections to the backend are known after the end", n)
			}
		})
	}
}

// hello sends what a client sends first, and nothing after it.
func hello(t *testing.T, c net.Conn, config *tls.Config) {
	t.Helper()
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		tls.Client(theirs, config).Handshake()
	}()
	b := make([]byte, maxHello)
	n, err := ours.Read(b)
	ours.Close()
	<-done
	if err != nil {
		t.Fatal(err)
	}
	send(t, c, string(b[:n]))
}

// TestBackendThatCannotBeAsked checks that the client is told why in HTTP/1.1.
func TestBackendThatCannotBeAsked(t *testing.T) {
	a := newAuthority(t)
	for name, test := range map[string]struct {
		change func(*Relay)
		want   string
	}{
		"down":      {func(r *Relay) { r.Backend.Addresses = down(t).Addresses }, "connection refused"},
		"untrusted": {func(r *Relay) { r.Backend.TLS.RootCAs = newAuthority(t).pool }, "certificate"},
		"hangs":     {func(r *Relay) { r.Limits.Dial = 50 * time.Millisecond }, "no connection within 50ms"},
	} {
		t.Run(name, func(t *testing.T) {
			r := a.audited(t, test.change)
			var held []net.Conn
			accepting := make(chan struct{})
			go func() {
				defer close(accepting)
				for {
					conn, err := r.backend.Accept()
					if err != nil {
						return
					}
					if held = append(held, conn); name == "untrusted" {
						tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{a.issue(t)}, NextProtos: []string{"h2"}}).Handshake()
					}
				}
			}()
			c := tls.Client(r.dial(), a.browser())
			send(t, c, plain)
			got, err := io.ReadAll(c)
			if err != nil || !strings.Contains(string(got), test.want) || c.ConnectionState().NegotiatedProtocol != "http/1.1" {
				t.Errorf("got %q (%v) in %q, want %q", got, err, c.ConnectionState().NegotiatedProtocol, test.want)
			}
			r.backend.Close()
			<-accepting
			for _, conn := range held {
				conn.Close()
			}
		})
	}
}

func TestSuitesThatHTTP2Allows(t *testing.T) {
	var all []string
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		for _, version := range suite.SupportedVersions {
			if sound(version, suite.ID) && !slices.Contains(all, suite.Name) {
				all = append(all, suite.Name)
			}
		}
	}
	for _, name := range all {
		ephemeral := strings.Contains(name, "ECDHE") || !strings.Contains(name, "WITH_") || strings.HasPrefix(name, "TLS_AES") || strings.HasPrefix(name, "TLS_CHACHA20")
		if aead := strings.Contains(name, "GCM") || strings.Contains(name, "POLY1305"); !aead || !ephemeral {
			t.Errorf("%s is allowed", name)
		}
	}
	if len(all) != 9 {
		t.Errorf("%d suites are allowed: %v", len(all), all)
	}
}

// TestStreamsSayWhereTheyBelong opens a WebSocket for another host on a connection of HTTP/2, as browsers do with hosts
// of one certificate. It is carried, and its exchange names the route.
func TestStreamsSayWhereTheyBelong(t *testing.T) {
	a := newAuthority(t)
	r := a.audited(t, func(r *Relay) {
		to, other := r.Backend, To("192.0.2.1:443")
		other.Route = "other"
		r.Backend, r.Others = other, []*Backend{to}
		r.Choose = func(a *Arrival) (*Backend, string) {
			if a.SNI == "localhost" {
				return to, ""
			}
			return other, ""
		}
	})
	c, s, _ := r.shake(a.browser(), &tls.Config{Certificates: []tls.Certificate{a.issue(t)}, NextProtos: []string{"h2"}})
	up := newSpeaker()
	up.WriteString(http2.ClientPreface)
	_ = up.WriteSettings()
	up.connect(1, "/a")
	up.head(3, ":method CONNECT", ":protocol websocket", ":scheme https", ":path /b", ":authority Other.test:443", "sec-websocket-version 13")
	sent := up.said()
	send(t, c, sent)
	expect(t, s, sent)
	c.Close()
	expectEnd(t, s, "")
	s.Close()
	r.end()
	if all := r.all(); len(all) != 2 || all[0].Elsewhere != "" || all[1].Elsewhere != "other" {
		t.Errorf("got %+v", all)
	}
}
