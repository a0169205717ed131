package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"time"

	"github.com/elazarl/goproxy"
	"github.com/rogpeppe/go-internal/testscript"
)

// certificates writes valid and faulty certificates for configurations: sound.pem and sound.key;
// other.pem and other.key, another pair; expired.pem and later.pem, which fit sound.key;
// garbage.pem; and goproxy's published CA, in published/.
func certificates(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: certificates")
	}
	now := time.Now()
	sound := newKey(ts)
	certificate(ts, "sound.pem", sound, now.Add(-time.Hour), now.Add(time.Hour), false)
	certificate(ts, "expired.pem", sound, now.Add(-2*time.Hour), now.Add(-time.Hour), false)
	certificate(ts, "later.pem", sound, now.Add(time.Hour), now.Add(2*time.Hour), false)
	other := newKey(ts)
	certificate(ts, "other.pem", other, now.Add(-time.Hour), now.Add(time.Hour), false)
	writeKey(ts, "sound.key", sound)
	writeKey(ts, "other.key", other)
	for _, dir := range []string{"published", "old", "leaf", "crossed"} {
		ts.Check(os.Mkdir(ts.MkAbs(dir), 0o700))
	}
	certificate(ts, "old/ca.pem", sound, now.Add(-2*time.Hour), now.Add(-time.Hour), true)
	writeKey(ts, "old/ca-key.pem", sound)
	certificate(ts, "leaf/ca.pem", sound, now.Add(-time.Hour), now.Add(time.Hour), false)
	writeKey(ts, "leaf/ca-key.pem", sound)
	certificate(ts, "crossed/ca.pem", sound, now.Add(-time.Hour), now.Add(time.Hour), true)
	writeKey(ts, "crossed/ca-key.pem", other)
	ts.Check(os.WriteFile(ts.MkAbs("published/ca.pem"), goproxy.CA_CERT, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("published/ca-key.pem"), goproxy.CA_KEY, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("garbage.pem"), []byte("no certificate\n"), 0o600))
}

func newKey(ts *testscript.TestScript) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	return key
}

func certificate(ts *testscript.TestScript, name string, key *ecdsa.PrivateKey, from, to time.Time, authority bool) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "staging.test"}, DNSNames: []string{"staging.test"},
		NotBefore: from, NotAfter: to, BasicConstraintsValid: true, IsCA: authority,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(name), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
}

func writeKey(ts *testscript.TestScript, name string, key *ecdsa.PrivateKey) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(name), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
}
