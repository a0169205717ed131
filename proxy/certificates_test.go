package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// write writes a certificate and its key to dir, and returns their paths.
func (a *authority) write(t testing.TB, dir, name string) CertificatePair {
	t.Helper()
	cert := a.issue(t)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	p := CertificatePair{filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")}
	for file, block := range map[string]*pem.Block{
		p.Cert: {Type: "CERTIFICATE", Bytes: cert.Certificate[0]}, p.Key: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func TestChangedCertificatesAreReadAgain(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	p := a.write(t, dir, "a")
	c, err := LoadCertificates([]CertificatePair{p})
	if err != nil {
		t.Fatal(err)
	}
	var failed []error
	c.Failed = func(err error) { failed = append(failed, err) }
	shown := func() *x509.Certificate {
		c.mu.Lock()
		c.looked = time.Time{}
		c.mu.Unlock()
		cert, err := c.Get(&tls.ClientHelloInfo{ServerName: "localhost"})
		if err != nil {
			t.Fatal(err)
		}
		return cert.Leaf
	}
	first := shown()
	a.write(t, dir, "a")
	os.Chtimes(p.Cert, time.Time{}, time.Now().Add(time.Second))
	second := shown()
	if second.Equal(first) {
		t.Error("a new certificate is not shown")
	}
	os.WriteFile(p.Cert, []byte("no certificate"), 0o600)
	os.Chtimes(p.Cert, time.Time{}, time.Now().Add(2*time.Second))
	if !shown().Equal(second) || len(failed) != 1 {
		t.Errorf("after a bad file: %d errors", len(failed))
	}
}

func TestBadCertificates(t *testing.T) {
	a, dir := newAuthority(t), t.TempDir()
	p, other := a.write(t, dir, "a"), a.write(t, dir, "b")
	for want, pairs := range map[string][]CertificatePair{
		"no certificate is named": nil,
		"the key is missing":      {{Cert: p.Cert}},
		"private key does not":    {{Cert: p.Cert, Key: other.Key}},
		"no such file":            {{Cert: filepath.Join(dir, "nosuch"), Key: p.Key}},
	} {
		if _, err := LoadCertificates(pairs); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
