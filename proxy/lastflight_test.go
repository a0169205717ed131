package proxy

import (
	"crypto/tls"
	"net"
	"sync/atomic"
	"testing"
)

// A readCounter counts the reads of a connection.
type readCounter struct {
	net.Conn
	reads atomic.Int64
}

func (c *readCounter) Read(p []byte) (int, error) {
	c.reads.Add(1)
	return c.Conn.Read(p)
}

// TestTheRequestComesWithTheEndOfTheHandshake checks that a backend has both in one read.
func TestTheRequestComesWithTheEndOfTheHandshake(t *testing.T) {
	a := newAuthority(t)
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			s := a.relay(t, false, true)
			s.backend.MaxVersion = version
			for connection := range 3 { // with TLS 1.2 the client ends the handshake only if the session is resumed
				client := s.dial()
				send(t, client, handshake)
				backend := &readCounter{Conn: s.accept()}
				secured := tls.Server(backend, s.backend)
				if err := secured.Handshake(); err != nil {
					t.Fatal(err)
				}
				before := backend.reads.Load()
				expect(t, secured, handshake)
				last := version == tls.VersionTLS13 || secured.ConnectionState().DidResume
				if more := backend.reads.Load() - before; last && more > 0 {
					t.Errorf("connection %d: the request took %d more reads", connection, more)
				}
				send(t, secured, switching)
				expect(t, client, switching)
				if connection > 0 && !last {
					t.Error("the session was not resumed")
				}
			}
		})
	}
}

// TestTheHandshakeEndsWithoutARequest checks that a backend that is dialled eagerly need not wait for the client.
func TestTheHandshakeEndsWithoutARequest(t *testing.T) {
	a := newAuthority(t)
	cert := a.issue(t)
	r := relay(t, func(r *Relay) { r.Backend.Eager, r.Backend.TLS = true, &tls.Config{RootCAs: a.pool} })
	client := r.dial()
	backend := tls.Server(r.accept(), &tls.Config{Certificates: []tls.Certificate{cert}})
	if err := backend.Handshake(); err != nil {
		t.Fatal(err)
	}
	send(t, backend, "220 hello\r\n")
	expect(t, client, "220 hello\r\n")
	send(t, client, handshake)
	expect(t, backend, handshake)
}

// TestABackendHearsWhyItsCertificateIsNotTaken checks that the alert is sent.
func TestABackendHearsWhyItsCertificateIsNotTaken(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	s := a.relay(t, false, true)
	s.backend.Certificates = []tls.Certificate{other.issue(t)}
	send(t, s.dial(), handshake)
	err := tls.Server(s.accept(), s.backend).Handshake()
	if err == nil || err.Error() != "remote error: tls: bad certificate" && err.Error() != "remote error: tls: unknown certificate authority" {
		t.Errorf("got %v", err)
	}
}
