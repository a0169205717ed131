package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/rs/zerolog"
)

// TestOldestTLSThatIsSpoken makes a handshake in each TLS version with a listener and with a
// backend. The oldest version is 1.2 unless a key says otherwise.
func TestOldestTLSThatIsSpoken(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	held := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(held.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	pair := certificateConfig{Cert: filepath.Join(t.TempDir(), "cert.pem"), Key: filepath.Join(t.TempDir(), "key.pem")}
	for name, block := range map[string]*pem.Block{pair.Cert: {Type: "CERTIFICATE", Bytes: held.Certificate[0]}, pair.Key: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for text, oldest := range map[string]uint16{"": tls.VersionTLS12, "1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		listener, err := (&listenTLSConfig{Certificates: []certificateConfig{pair}, MinVersion: text}).config(zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		backend, err := (&BackendTLSConfig{Insecure: true, MinVersion: text}).Config()
		if err != nil {
			t.Fatal(err)
		}
		for version := uint16(tls.VersionTLS10); version <= tls.VersionTLS13; version++ {
			client := &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}
			old := &tls.Config{Certificates: server.TLS.Certificates, MinVersion: version, MaxVersion: version}
			if got, want := shakeHands(client, listener), version >= oldest; got != want {
				t.Errorf("min_version %q, a client of %s: let in %t", text, tls.VersionName(version), got)
			}
			if got, want := shakeHands(backend, old), version >= oldest; got != want {
				t.Errorf("min_version %q, a backend of %s: spoken to %t", text, tls.VersionName(version), got)
			}
		}
	}
	if _, err := (&BackendTLSConfig{MinVersion: "1"}).Config(); err == nil {
		t.Error("1 is taken for a version")
	}
}

// shakeHands reports whether the TLS handshake succeeds.
func shakeHands(client, server *tls.Config) bool {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	failed := make(chan error, 1)
	go func() {
		err := tls.Server(b, server).Handshake()
		b.Close()
		failed <- err
	}()
	conn := tls.Client(a, client)
	err := conn.Handshake()
	if err == nil {
		_, _ = conn.Read(make([]byte, 1)) // reads the messages after the TLS 1.3 handshake, up to EOF
	}
	a.Close()
	return <-failed == nil && err == nil
}
