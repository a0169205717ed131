package proxy

import (
	"bytes"
	"crypto/tls"
	"io"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestBackendThatWantsAnotherCertificate checks that the client is told, although in TLS 1.3 the
// backend rejects the certificate only after the handshake. The rejection must not look like a
// response of the backend.
func TestBackendThatWantsAnotherCertificate(t *testing.T) {
	a := newAuthority(t)
	for _, guard := range []func(*wire.Exchange) error{nil, onlyGet} {
		for version, text := range map[uint16]string{tls.VersionTLS12: "tls: ", tls.VersionTLS13: "certificate required"} {
			s := &secured{}
			s.relayed = relay(t, func(r *Relay) {
				r.Backend.TLS, r.Backend.Guard = &tls.Config{RootCAs: a.pool, MaxVersion: version}, guard
			})
			client := s.dial()
			send(t, client, handshake)
			backend := tls.Server(s.accept(), &tls.Config{Certificates: []tls.Certificate{a.issue(t)}, ClientAuth: tls.RequireAnyClientCert})
			if err := backend.HandshakeContext(t.Context()); err == nil {
				t.Error("the backend took no certificate for one")
			}
			backend.Close()
			got, err := io.ReadAll(client)
			if err != nil || !bytes.HasPrefix(got, []byte("HTTP/1.1 502 ")) || !bytes.Contains(got, []byte(text)) {
				t.Errorf("TLS %x: got %q, %v; want a 502 that says %q", version, got, err, text)
			}
			client.Close()
			s.end()
			if x := s.all(); len(x) != 1 || x[0].Outcome != wire.Local || x[0].Cause != wire.CauseDial || x[0].Response != nil {
				t.Errorf("TLS %x: reported %+v", version, x)
			}
		}
	}
}

// TestEndsInsideEachVersionOfTLS checks that everything that a side sends before it closes arrives,
// and so does everything that the other side sends after that. A side that closes both directions
// at once, as peers may before TLS 1.3, loses nothing that it has sent.
func TestEndsInsideEachVersionOfTLS(t *testing.T) {
	a := newAuthority(t)
	large := strings.Repeat("late ", 100_000)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, atOnce := range []bool{false, true} {
			s := a.relay(t, true, true)
			s.client.MaxVersion, s.backend.MaxVersion = version, version
			client := tls.Client(s.dial(), s.client)
			sent := make(chan error, 1)
			go func() { _, err := io.WriteString(client, handshake); sent <- err }()
			backend := tls.Server(s.accept(), s.backend)
			expect(t, backend, handshake)
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			go func() { _, err := io.WriteString(backend, switching+large); sent <- err; backend.CloseWrite() }()
			if !atOnce {
				if err := client.CloseWrite(); err != nil {
					t.Fatal(err)
				}
				expectEnd(t, backend, "")
			}
			expectEnd(t, client, switching+large)
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			if atOnce {
				go func() { _, err := io.WriteString(client, large); client.Close(); sent <- err }()
				expectEnd(t, backend, large)
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
			}
			if v := client.ConnectionState().Version; v != version {
				t.Errorf("TLS %x was spoken, not %x", v, version)
			}
		}
	}
}
