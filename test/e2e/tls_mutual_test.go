//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// trusting returns the TLS configuration of a client that trusts the certificate in a file for a
// server name.
func trusting(t *testing.T, cert, name string) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("%s has no certificate", cert)
	}
	return &tls.Config{RootCAs: pool, ServerName: name}
}

// office is a test CA in a folder: ca.pem, and NAME.pem with NAME.key for each certificate that it
// has issued.
type office struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newOffice(t *testing.T) *office {
	o := &office{dir: t.TempDir()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "office"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	o.write(t, "ca", template)
	return o
}

// vouch issues a certificate for localhost and other hosts, valid for clients and servers.
func (o *office) vouch(t *testing.T, name string, hosts ...string) {
	t.Helper()
	o.write(t, name, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: append(hosts, "localhost"),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
}

func (o *office) write(t *testing.T, name string, template *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, signer := o.cert, o.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	if o.cert == nil {
		if o.cert, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		o.key = key
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(o.at(file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (o *office) at(name string) string { return filepath.Join(o.dir, name) }

// server starts a backend that accepts only clients with a certificate from this CA.
func (o *office) server(t *testing.T) (addr string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(o.at("backend.pem"), o.at("backend.key"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(chat))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // for the clients that it rejects
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusting(t, o.at("ca.pem"), "").RootCAs,
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// TestMutualTLSOnBothSides has Node's ws and curl present a client certificate to the listener,
// which presents its own to the backend. A client without a certificate, or with one from another
// CA, is rejected, and the log says why.
func TestMutualTLSOnBothSides(t *testing.T) {
	t.Parallel()
	o, strangers := newOffice(t), newOffice(t)
	for _, name := range []string{"backend", "interlock", "client"} {
		o.vouch(t, name)
	}
	strangers.vouch(t, "client")
	backend := o.server(t)
	config := file(t, "interlock.yaml", []byte("backend_tls: {ca: "+o.at("ca.pem")+", cert: "+o.at("interlock.pem")+", key: "+o.at("interlock.key")+"}\n"+
		"tls:\n  certificates: [{cert: "+o.at("interlock.pem")+", key: "+o.at("interlock.key")+"}]\n  client: required\n  client_ca: "+o.at("ca.pem")+"\n"))
	p := serve(t, backend, "--backend", "https://"+backend, "--config", config)

	got := succeed(t, program(t, "node", "nodejs"), "node/tls-client.mjs", "wss://"+p.listen+"/mutual", o.at("ca.pem"), o.at("client.pem"), o.at("client.key"))
	if got.stdout != "ok\n" {
		t.Errorf("got %q, want ok", got.stdout)
	}
	x := p.exchange(t, "/mutual")
	if x.Outcome != "switched" || x.Protocol != "websocket" || x.Verdict != "pass" || len(x.Altered) > 0 {
		t.Errorf("got %s, want a WebSocket exchange that passes", x.text)
	}
	p.message(t, "tunnel closed")

	ask := func(args ...string) result {
		return run(t, program(t, "curl", "curl"), append(args, "-sS", "--cacert", o.at("ca.pem"), "https://"+p.listen+"/api/items")...)
	}
	if got := ask("--cert", o.at("client.pem"), "--key", o.at("client.key")); got.stdout != items {
		t.Errorf("got %q, %q, want %q", got.stdout, got.stderr, items)
	}
	for who, args := range map[string][]string{"no certificate": nil, "another CA": {"--cert", strangers.at("client.pem"), "--key", strangers.at("client.key")}} {
		if got := ask(args...); got.status == 0 {
			t.Errorf("%s was let in: %q", who, got.stdout)
		}
	}
	if l := p.message(t, "no tls with client"); !strings.Contains(l.text, "certificate") {
		t.Errorf("got %s, want what was wrong with the certificate", l.text)
	}
}

// TestBackendWantsAnotherCertificate checks that the client of a plain-text listener is told why it
// gets no response.
func TestBackendWantsAnotherCertificate(t *testing.T) {
	t.Parallel()
	o, strangers := newOffice(t), newOffice(t)
	o.vouch(t, "backend")
	strangers.vouch(t, "interlock")
	backend := o.server(t)
	for who, each := range map[string]struct {
		flags []string
		want  string
	}{
		"no certificate":           {[]string{"--backend-ca", o.at("ca.pem")}, "certificate required"},
		"a stranger's certificate": {[]string{"--backend-ca", o.at("ca.pem"), "--backend-cert", strangers.at("interlock.pem"), "--backend-key", strangers.at("interlock.key")}, "certificate"},
		"another authority":        {[]string{"--backend-ca", strangers.at("ca.pem")}, "certificate signed by unknown authority"},
	} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			p := serve(t, backend, append([]string{"--backend", "https://" + backend}, each.flags...)...)
			got := run(t, program(t, "curl", "curl"), "-sS", "-w", "%{http_code}", p.url("/api/items"))
			if !strings.HasSuffix(got.stdout, "502") || !strings.Contains(got.stdout, each.want) {
				t.Errorf("got %q, want a 502 that says %q", got.stdout, each.want)
			}
			if l := p.message(t, "answered in place of the backend"); !strings.Contains(l.Err, each.want) {
				t.Errorf("got %s, want %q", l.text, each.want)
			}
		})
	}
}
