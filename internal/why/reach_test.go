package why

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// certificate makes a certificate of an authority, or a self-signed one if that is nil.
func certificate(t *testing.T, name string, from, until time.Time, by *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: from, NotAfter: until,
		IsCA: by == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	parent, signer := c, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// secured runs a server with TLS.
func secured(t *testing.T, c tls.Certificate, protocols ...string) *server {
	t.Helper()
	s := &server{t: t}
	h := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if isHandshake(q) {
			s.accept(w, q, "")
		}
	}))
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	h.TLS = &tls.Config{Certificates: []tls.Certificate{c}, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if len(protocols) == 1 && !slices.Contains(hello.SupportedProtos, protocols[0]) {
			return nil, errors.New("no protocol in common")
		}
		return nil, nil
	}}
	h.EnableHTTP2 = slices.Contains(protocols, "h2")
	h.StartTLS()
	t.Cleanup(h.Close)
	s.address = h.Listener.Addr().String()
	return s
}

// TestTLS has servers whose TLS is wrong in one way each.
func TestTLS(t *testing.T) {
	now := time.Now()
	authority := certificate(t, "authority.test", now.Add(-time.Hour), now.Add(time.Hour), nil)
	good := certificate(t, "chat.test", now.Add(-time.Hour), now.Add(100*24*time.Hour), &authority)
	roots := x509.NewCertPool()
	roots.AddCert(authority.Leaf)
	for name, c := range map[string]struct {
		certificate tls.Certificate
		protocols   []string
		config      *tls.Config
		result      Result
		id          string
		contains    string
	}{
		"trusted":     {good, []string{"http/1.1"}, &tls.Config{RootCAs: roots, ServerName: "chat.test"}, Works, "", "It works: wss://"},
		"HTTP/2 too":  {good, []string{"h2", "http/1.1"}, &tls.Config{RootCAs: roots, ServerName: "chat.test"}, Works, "", "It works: wss://"},
		"HTTP/2 only": {good, []string{"h2"}, &tls.Config{RootCAs: roots, ServerName: "chat.test"}, Fails, "walk-http2-only", "HTTP/2 only"},
		"another name": {good, nil, &tls.Config{RootCAs: roots, ServerName: "other.test"}, Fails, "walk-certificate-name",
			"The certificate is for chat.test, not for other.test"},
		"expired": {certificate(t, "chat.test", now.Add(-48*time.Hour), now.Add(-24*time.Hour), &authority), nil,
			&tls.Config{RootCAs: roots, ServerName: "chat.test"}, Fails, "walk-certificate-expired", "The certificate ended on "},
		"self-signed": {authority, nil, &tls.Config{ServerName: "authority.test"}, Fails, "walk-certificate-self-signed", "self-signed"},
		"no chain":    {good, nil, &tls.Config{ServerName: "chat.test"}, Fails, "walk-certificate-chain", "without the intermediate one"},
		"not verified": {good, nil, &tls.Config{ServerName: "other.test", InsecureSkipVerify: true}, Works, "",
			"Browsers reject the certificate: x509: "},
		"ends soon": {certificate(t, "chat.test", now.Add(-48*time.Hour), now.Add(50*time.Hour), &authority), nil,
			&tls.Config{RootCAs: roots, ServerName: "chat.test"}, Works, "", "The certificate ends in 2 days"},
	} {
		t.Run(name, func(t *testing.T) {
			target := secured(t, c.certificate, c.protocols...).target("/chat")
			target.Scheme, target.TLS = "https", c.config
			r := walk(t, target)
			if r.Result != c.result || !strings.Contains(r.Summary, c.contains) {
				t.Errorf("got %s: %s", r.Result, r.Summary)
			}
			if c.id != "" && (len(r.Diagnoses) != 1 || r.Diagnoses[0].ID != c.id) {
				t.Errorf("got %+v", r.Diagnoses)
			}
			for _, d := range r.Diagnoses {
				if strings.HasPrefix(d.ID, "walk-certificate") && !strings.HasSuffix(d.Fix, "\ninterlock: "+exit.Untrusted) {
					t.Errorf("the flags about certificates are not named: %s", d.Fix)
				}
			}
		})
	}
}

// TestWrongPort has ports at which something else is.
func TestWrongPort(t *testing.T) {
	now := time.Now()
	encrypted := secured(t, certificate(t, "chat.test", now.Add(-time.Hour), now.Add(time.Hour), nil)).target("/chat")
	cleartext := serve(t, func(*http.Request) (int, string) { return 200, "" }).target("/chat")
	cleartext.Scheme, cleartext.TLS = "https", &tls.Config{ServerName: "chat.test"}
	free, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	nobody := (&server{t: t, address: free[0]}).target("/chat")
	nowhere := nobody
	nowhere.Name, nowhere.Host = "nowhere.invalid", "nowhere.invalid:"+nobody.Port
	for id, target := range map[string]Target{
		"walk-tls-unanswered": silent(t),
		"walk-wants-tls":      encrypted, "walk-no-tls": cleartext, "walk-not-http": banner(t), "walk-refused": nobody, "walk-name": nowhere,
	} {
		t.Run(id, func(t *testing.T) {
			step := 20 * time.Second
			if id == "walk-tls-unanswered" {
				step = 2 * time.Second
			}
			r := walkWithin(t, step, target)
			if want := map[bool]Result{false: Fails, true: Unknown}[id == "walk-tls-unanswered"]; r.Result != want || len(r.Diagnoses) != 1 || r.Diagnoses[0].ID != id {
				t.Errorf("got %s: %+v", r.Result, r.Diagnoses)
			}
		})
	}
}

// TestTLSWithoutAnAlert has a TLS server that closes the connection when it gets plain text, as those of Python do.
func TestTLSWithoutAnAlert(t *testing.T) {
	c := certificate(t, "chat.test", time.Now().Add(-time.Hour), time.Now().Add(time.Hour), nil)
	target := accepting(t, func(conn net.Conn) {
		first := make([]byte, 1)
		if _, err := io.ReadFull(conn, first); err == nil && first[0] == 22 {
			_ = tls.Server(&after{conn, first}, &tls.Config{Certificates: []tls.Certificate{c}}).Handshake()
		}
	})
	r := walk(t, target)
	if len(r.Diagnoses) != 1 || r.Diagnoses[0].ID != "walk-wants-tls" {
		t.Errorf("got %s: %+v", r.Result, r.Diagnoses)
	}
}

// after is a connection whose first bytes were read.
type after struct {
	net.Conn
	first []byte
}

func (a *after) Read(p []byte) (int, error) {
	if len(a.first) > 0 {
		n := copy(p, a.first)
		a.first = a.first[n:]
		return n, nil
	}
	return a.Conn.Read(p)
}

// silent is a server that reads what clients send, and answers nothing.
func silent(t *testing.T) Target {
	t.Helper()
	target := speaking(t, "")
	target.Scheme, target.TLS = "https", &tls.Config{ServerName: "chat.test"}
	return target
}

// banner is a server that greets each client as SSH does.
func banner(t *testing.T) Target {
	t.Helper()
	return speaking(t, "SSH-2.0-test\r\n")
}

// speaking is a server that sends a text to each client, and then only reads.
func speaking(t *testing.T, text string) Target {
	t.Helper()
	return accepting(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, text)
		_, _ = io.Copy(io.Discard, conn)
	})
}

// accepting is a server that serves one connection after the other.
func accepting(t *testing.T, each func(net.Conn)) Target {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { listener.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			each(conn)
			conn.Close()
		}
	}()
	return (&server{t: t, address: listener.Addr().String()}).target("/chat")
}
