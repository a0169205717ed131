package proxy

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"hash/fnv"
	"io"
	"math/big"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/wire"
)

// An end is one side of a connection over TCP or TLS.
type end interface {
	net.Conn
	CloseWrite() error
}

// authority signs certificates for 127.0.0.1 and localhost.
type authority struct {
	pool *x509.CertPool
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &authority{pool: pool, cert: cert, key: key}
}

// issue makes a certificate that is valid for clients and servers.
func (a *authority) issue(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// secured is a relay that speaks TLS to clients, to the backend or to both, with the configurations
// of its peers.
type secured struct {
	*relayed
	client, backend *tls.Config // nil: plain text
}

func (a *authority) relay(t testing.TB, client, backend bool) *secured {
	t.Helper()
	s := &secured{}
	cert := a.issue(t)
	s.relayed = relay(t, func(r *Relay) {
		if backend {
			r.Backend.TLS = &tls.Config{RootCAs: a.pool}
			s.backend = &tls.Config{Certificates: []tls.Certificate{cert}}
		}
	}, func(l *Listener) {
		if client {
			l.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			s.client = &tls.Config{RootCAs: a.pool, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		}
	})
	return s
}

func (s *secured) dialEnd() end {
	if s.client == nil {
		return s.dial()
	}
	return tls.Client(s.dial(), s.client)
}

func (s *secured) acceptEnd() end {
	if s.backend == nil {
		return s.accept()
	}
	return tls.Server(s.accept(), s.backend)
}

var securedSides = map[string][2]bool{"client": {true, false}, "backend": {false, true}, "both": {true, true}}

// TestRelayIsTransparentInsideTLS plays the corpus with TLS on either side and on both. The reports
// must equal those without TLS.
func TestRelayIsTransparentInsideTLS(t *testing.T) {
	a := newAuthority(t)
	names := []string{"client closes", "backend closes", "half-close"}
	for name, transcript := range readCorpus(t) {
		if transcript.Chunks[0].From != wire.FromClient {
			continue
		}
		h := fnv.New32()
		h.Write([]byte(name))
		ending := names[h.Sum32()%3]
		t.Run(filepath.Base(filepath.Dir(name))+"/"+filepath.Base(name), func(t *testing.T) {
			want := playThrough(t, transcript, "random", ending)
			for which, sides := range securedSides {
				s := a.relay(t, sides[0], sides[1])
				if got := playOn(t, s.relayed, s.dialEnd(), s.acceptEnd, transcript, "random", ending); got != want {
					t.Errorf("TLS on %s, %s: reported\n%s\nand in cleartext\n%s", which, ending, got, want)
				}
			}
		})
	}
}

func TestRulingsKnowOfTLS(t *testing.T) {
	a := newAuthority(t)
	for which, sides := range securedSides {
		for _, name := range []string{"localhost", "127.0.0.1"} { // an address is not sent as SNI
			s := a.relay(t, sides[0], sides[1])
			if sides[0] {
				s.client.ServerName = name
			}
			client := s.dialEnd()
			sent := make(chan error, 1)
			go func() { _, err := io.WriteString(client, handshake); sent <- err }()
			backend := s.acceptEnd()
			expect(t, backend, handshake)
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			send(t, backend, switching)
			expect(t, client, switching)
			client.Close()
			expectEnd(t, backend, "")
			backend.Close()
			s.end()
			for _, x := range s.all() {
				if x.ClientTLS != sides[0] || x.BackendTLS != sides[1] || x.NoSNI != (sides[0] && name != "localhost") {
					t.Errorf("TLS on %s to %s: reported as client %t, backend %t, without SNI %t", which, name, x.ClientTLS, x.BackendTLS, x.NoSNI)
				}
			}
		}
	}
}

// TestBareEndStaysBare checks that a FIN without close_notify is passed on as such, and a
// close_notify as a close_notify.
func TestBareEndStaysBare(t *testing.T) {
	a := newAuthority(t)
	for _, bare := range []bool{true, false} {
		s := a.relay(t, true, true)
		client := tls.Client(s.dial(), s.client)
		sent := make(chan error, 1)
		go func() { _, err := io.WriteString(client, handshake); sent <- err }()
		raw := &tlsSocket{socket: s.accept()}
		backend := tls.Server(raw, s.backend)
		expect(t, backend, handshake)
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if bare {
			client.NetConn().(*net.TCPConn).CloseWrite()
		} else {
			client.CloseWrite()
		}
		expectEnd(t, backend, "")
		if raw.ended.Load() != bare {
			t.Errorf("bare %t came through as bare %t", bare, raw.ended.Load())
		}
	}
}

func TestResetGoesThroughTLS(t *testing.T) {
	a := newAuthority(t)
	s := a.relay(t, true, true)
	tcp := s.dial()
	client := tls.Client(tcp, s.client)
	sent := make(chan error, 1)
	go func() { _, err := io.WriteString(client, handshake); sent <- err }()
	backend := s.acceptEnd()
	expect(t, backend, handshake)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	tcp.SetLinger(0)
	tcp.Close()
	if _, err := io.ReadAll(backend); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the backend saw %v, want a reset", err)
	}
}

// TestBackendWithoutTLS checks that the client is told, and that nothing is reported as a response
// of the backend.
func TestBackendWithoutTLS(t *testing.T) {
	a := newAuthority(t)
	s := a.relay(t, false, true)
	client := s.dial()
	send(t, client, handshake)
	backend := s.accept()
	send(t, backend, "HTTP/1.1 400 Bad Request\r\n\r\n")
	got, err := io.ReadAll(client)
	if want := "it does not speak TLS"; err != nil || !bytes.Contains(got, []byte("502")) || !bytes.Contains(got, []byte(want)) {
		t.Errorf("got %q, %v; want a 502 that says %q", got, err, want)
	}
	s.end()
	if x := s.all(); len(x) != 1 || x[0].Outcome != wire.Local || x[0].Response != nil {
		t.Errorf("reported %+v", x)
	}
}

func TestUntrustedBackend(t *testing.T) {
	s := newAuthority(t).relay(t, false, true)
	s.backend.Certificates = []tls.Certificate{newAuthority(t).issue(t)}
	client := s.dial()
	send(t, client, handshake)
	backend := s.acceptEnd()
	if _, err := io.ReadAll(backend); err == nil {
		t.Error("the relay went on with an untrusted certificate")
	}
	if got, err := io.ReadAll(client); err != nil || !bytes.Contains(got, []byte("certificate")) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestClientThatWantsH2 checks that a client that offers HTTP/2 gets HTTP/1.1, and that it is
// counted.
func TestClientThatWantsH2(t *testing.T) {
	s := newAuthority(t).relay(t, true, false)
	config := s.client.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	client := tls.Client(s.dial(), config)
	send(t, client, plain)
	expect(t, s.accept(), plain)
	if p := client.ConnectionState().NegotiatedProtocol; p != "http/1.1" || s.Counts.Downgraded.Load() != 1 {
		t.Errorf("agreed to %q, counted %d", p, s.Counts.Downgraded.Load())
	}
	client.Close()
}

// TestClientThatTakesOnlyH2 checks that a client that does not take HTTP/1.1 is counted, and that the
// log says why it has no connection.
func TestClientThatTakesOnlyH2(t *testing.T) {
	a := newAuthority(t)
	var log buffer
	r := relay(t, func(r *Relay) { r.Log = zerolog.New(&log) }, func(l *Listener) {
		l.TLS = &tls.Config{Certificates: []tls.Certificate{a.issue(t)}}
	})
	client := tls.Client(r.dial(), &tls.Config{RootCAs: a.pool, ServerName: "localhost", NextProtos: []string{"h2"}})
	if err := client.HandshakeContext(t.Context()); err == nil {
		t.Fatal("the handshake did not fail")
	}
	within(t, func() bool { return r.Counts.HTTP2Only.Load() > 0 }, log.String)
	r.end()
	if n, m := r.Counts.HTTP2Only.Load(), r.Counts.Downgraded.Load(); n != 1 || m != 0 {
		t.Errorf("counted %d, %d downgraded", n, m)
	}
	if got := log.String(); !strings.Contains(got, "unsupported application protocols") || strings.Contains(got, "tls with client:") {
		t.Errorf("logged %s", got)
	}
}

// TestClientThatWantsH2MayBePassedOn checks that a client that offers HTTP/2 speaks TLS with the
// backend itself, byte for byte, and is counted as not audited. A client that does not offer HTTP/2
// is audited.
func TestClientThatWantsH2MayBePassedOn(t *testing.T) {
	a := newAuthority(t)
	cert := a.issue(t)
	r := relay(t, func(r *Relay) { r.Backend.TLS = &tls.Config{RootCAs: a.pool} }, func(l *Listener) {
		l.TLS = &tls.Config{Certificates: []tls.Certificate{a.issue(t)}}
		l.HTTP2 = func(sni string) HTTP2 {
			if sni == "localhost" {
				return PassHTTP2
			}
			return RefuseHTTP2
		}
	})
	backend := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}
	for _, protocol := range []string{"h2", "http/1.1"} {
		client := tls.Client(r.dial(), &tls.Config{RootCAs: a.pool, ServerName: "localhost", NextProtos: []string{protocol}})
		sent := make(chan error, 1)
		go func() { _, err := io.WriteString(client, handshake); sent <- err }()
		server := tls.Server(r.accept(), backend)
		expect(t, server, handshake)
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if p := client.ConnectionState().NegotiatedProtocol; p != protocol {
			t.Errorf("agreed to %q, want %q", p, protocol)
		}
		passed := client.ConnectionState().PeerCertificates[0].Equal(leafOf(t, cert))
		if want := protocol == "h2"; passed != want {
			t.Errorf("%s: the client saw the backend's certificate: %t, want %t", protocol, passed, want)
		}
		client.Close()
		expectEnd(t, server, "")
		server.Close()
	}
	r.end()
	if n := r.Counts.TLS.Load(); n != 1 || len(r.all()) != 1 {
		t.Errorf("%d connections were not audited, %d exchanges were", n, len(r.all()))
	}
}

func leafOf(t *testing.T, c tls.Certificate) *x509.Certificate {
	t.Helper()
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// TestRecordsThatCameTogetherAreReadTogether sends many records of TLS at once, some larger than what is held while nothing
// comes, and then nothing. What follows them is read when it comes.
func TestRecordsThatCameTogetherAreReadTogether(t *testing.T) {
	s := newAuthority(t).relay(t, true, true)
	client := tls.Client(s.dial(), s.client)
	begun := make(chan error, 1)
	go func() { _, err := io.WriteString(client, plain); begun <- err }()
	backend := s.acceptEnd()
	expect(t, backend, plain)
	if err := <-begun; err != nil {
		t.Fatal(err)
	}
	for _, sizes := range [][]int{{1}, {firstBytes}, {firstBytes - 1, 1}, {firstBytes + 1}, {1, 1, 1}, {bufferSize}, {7, bufferSize, 7, bufferSize + 1}, {4 * bufferSize}} {
		head := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "
		total, all := 0, ""
		for _, n := range sizes {
			total += n
		}
		head += strconv.Itoa(total) + "\r\n\r\n"
		answered := make(chan error, 1)
		go func() {
			_, err := io.WriteString(backend, answer)
			answered <- err
		}()
		expect(t, client, answer)
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
		sent := make(chan error, 1)
		parts := []string{head}
		for i, n := range sizes {
			parts = append(parts, bulk(n, i))
		}
		all = strings.Join(parts, "")
		go func() {
			var failed error
			for _, part := range parts {
				_, err := io.WriteString(client, part)
				failed = errors.Join(failed, err)
			}
			sent <- failed
		}()
		expect(t, backend, all)
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
	client.Close()
	expectEnd(t, backend, "")
	backend.Close()
}
