package ca

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/elazarl/goproxy"
)

const year = 365 * 24 * time.Hour

func create(t *testing.T, hosts ...string) (*Authority, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "state")
	a, err := Create(dir, hosts, year)
	if err != nil {
		t.Fatal(err)
	}
	return a, dir
}

func TestWhatIsCreatedIsLoaded(t *testing.T) {
	made, dir := create(t, "staging.test")
	loaded, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !loaded.Certificate.Equal(made.Certificate) || loaded.Fingerprint() != made.Fingerprint() {
		t.Error("another certificate was loaded than was made")
	}
	for name, want := range map[string]os.FileMode{"": 0o700, KeyFile: 0o600, CertificateFile: 0o644} {
		stat, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := stat.Mode().Perm(); got != want {
			t.Errorf("%q has mode %04o, want %04o", name, got, want)
		}
	}
	if _, ok := loaded.key.(*ecdsa.PrivateKey); !ok || len(loaded.Fingerprint()) != 95 {
		t.Errorf("got a key of type %T, fingerprint %q", loaded.key, loaded.Fingerprint())
	}
}

func TestNothingIsWrittenOver(t *testing.T) {
	_, dir := create(t, "staging.test")
	for _, kept := range []string{KeyFile, CertificateFile} {
		gone := map[string]string{KeyFile: CertificateFile, CertificateFile: KeyFile}[kept]
		before, err := os.ReadFile(filepath.Join(dir, kept))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(dir, gone)); err != nil {
			t.Fatal(err)
		}
		if _, err := Create(dir, nil, year); err == nil || !strings.Contains(err.Error(), "exists already") {
			t.Errorf("with %s there: got %v", kept, err)
		}
		if after, err := os.ReadFile(filepath.Join(dir, kept)); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s was changed (%v)", kept, err)
		}
		if _, err := os.Stat(filepath.Join(dir, gone)); err == nil {
			t.Errorf("%s was left behind", gone)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := Create(dir, nil, year); err != nil {
			t.Fatal(err)
		}
	}
}

// signs reports whether a client that trusts a accepts the certificate that a signs for host.
func signs(t *testing.T, a *Authority, host string) error {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour)}
	if ip := net.ParseIP(host); ip != nil {
		leaf.IPAddresses = []net.IP{ip}
	} else {
		leaf.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, a.Certificate, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate)
	_, err = cert.Verify(x509.VerifyOptions{Roots: pool, DNSName: host})
	return err
}

func TestAnAuthorityVouchesForItsHostsOnly(t *testing.T) {
	for _, each := range []struct {
		hosts    []string
		may, not []string
		shown    string
	}{
		{[]string{"staging.test"}, []string{"staging.test", "a.b.staging.test"}, []string{"bank.test", "notstaging.test", "10.0.0.1", "::1"}, "[staging.test]"},
		{[]string{"*.staging.test", "api-*.staging.test"}, []string{"x.staging.test"}, []string{"bank.test", "127.0.0.1"}, "[staging.test]"},
		{[]string{"10.0.0.5", "::1"}, []string{"10.0.0.5", "::1"}, []string{"10.0.0.6", "::2", "staging.test", "localhost"}, "[10.0.0.5 ::1]"},
		{[]string{"a.test", "10.0.0.5"}, []string{"a.test", "10.0.0.5"}, []string{"b.test", "10.0.0.6", "::1"}, "[a.test 10.0.0.5]"},
		{nil, []string{"bank.test", "10.0.0.6", "::1"}, nil, "[]"},
	} {
		a, _ := create(t, each.hosts...)
		for _, host := range each.may {
			if err := signs(t, a, host); err != nil {
				t.Errorf("%q does not vouch for %q: %v", each.hosts, host, err)
			}
		}
		for _, host := range each.not {
			if signs(t, a, host) == nil {
				t.Errorf("%q vouches for %q", each.hosts, host)
			}
		}
		if got := fmt.Sprint(a.Hosts()); got != each.shown {
			t.Errorf("got %s, want %s", got, each.shown)
		}
	}
	for _, all := range []string{"*", "a*", "*."} {
		if _, err := Create(t.TempDir(), []string{all}, year); err == nil || !strings.Contains(err.Error(), "all kinds of names") {
			t.Errorf("%q: got %v", all, err)
		}
	}
}

// rewrite replaces a certificate or key file, in PEM.
func rewrite(t *testing.T, dir, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLoadRefusesWhatMustNotBeUsed(t *testing.T) {
	again := func(change func(*x509.Certificate)) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			a, err := Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			c := *a.Certificate
			change(&c)
			der, err := x509.CreateCertificate(rand.Reader, &c, &c, a.key.Public(), a.key)
			if err != nil {
				t.Fatal(err)
			}
			rewrite(t, dir, CertificateFile, "CERTIFICATE", der)
		}
	}
	mode := func(m os.FileMode) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, KeyFile), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, each := range map[string]struct {
		spoil func(*testing.T, string)
		want  string
	}{
		"key for the group":     {mode(0o640), "can be read or written by others (mode 0640)"},
		"key for the world":     {mode(0o604), "can be read or written by others (mode 0604)"},
		"key that others write": {mode(0o602), "can be read or written by others (mode 0602)"},
		"expired":               {again(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), "it expired on"},
		"not yet":               {again(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), "it is valid from"},
		"no authority":          {again(func(c *x509.Certificate) { c.IsCA, c.MaxPathLenZero = false, false }), "not one of an authority"},
		"may not sign":          {again(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }), "not one of an authority"},
		"key of another": {func(t *testing.T, dir string) {
			other, _ := create(t)
			rewrite(t, dir, CertificateFile, "CERTIFICATE", other.DER())
		}, "private key does not match"},
		"published": {func(t *testing.T, dir string) {
			rewrite(t, dir, CertificateFile, "CERTIFICATE", goproxy.GoproxyCa.Certificate[0])
			if err := os.WriteFile(filepath.Join(dir, KeyFile), goproxy.CA_KEY, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "published one of goproxy"},
		"no key": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, KeyFile)); err != nil {
				t.Fatal(err)
			}
		}, "interlock ca create"},
		"garbage": {func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, CertificateFile), []byte("hello"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, CertificateFile},
	} {
		_, dir := create(t, "staging.test")
		each.spoil(t, dir)
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), each.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line with %q", name, err, each.want)
		}
	}
}

func TestStateDirectory(t *testing.T) {
	t.Setenv("HOME", "/home/a")
	for state, want := range map[string]string{"/state": "/state/interlock", "relative": "/home/a/.local/state/interlock", "": "/home/a/.local/state/interlock"} {
		t.Setenv("XDG_STATE_HOME", state)
		if got, err := Dir(); err != nil || got != want {
			t.Errorf("XDG_STATE_HOME=%q: got %q (%v), want %q", state, got, err, want)
		}
	}
}
