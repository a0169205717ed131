package proxy

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/elazarl/goproxy"
	"github.com/rs/zerolog"
)

// leaves are the certificates by which clients of a forward listener are answered in place of the
// hosts that they ask for. They are kept, as each costs a key and a signature.
type leaves struct {
	pool  *x509.CertPool // of the one authority
	sign  func(host string, ctx *goproxy.ProxyCtx) (*tls.Config, error)
	quiet *goproxy.ProxyCtx

	mu   sync.Mutex
	held map[string]*tls.Certificate
}

// maxLeaves bounds how many certificates are kept: clients choose the names.
const maxLeaves = 1024

// newLeaves readies an authority. It must be one that may sign, and one whose key is not published.
func newLeaves(ca *tls.Certificate, log zerolog.Logger) (*leaves, error) {
	if len(ca.Certificate) == 0 || ca.PrivateKey == nil {
		return nil, errors.New("certificate authority: certificate or key is missing")
	}
	cert, err := x509.ParseCertificate(ca.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	published, err := x509.ParseCertificate(goproxy.GoproxyCa.Certificate[0])
	switch {
	case err != nil:
		return nil, fmt.Errorf("certificate authority of goproxy: %w", err)
	case bytes.Equal(cert.RawSubjectPublicKeyInfo, published.RawSubjectPublicKeyInfo):
		return nil, errors.New("certificate authority: its key is the published one of goproxy: create one of your own")
	case !cert.IsCA || cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return nil, errors.New("certificate authority: the certificate is not one of an authority")
	case time.Now().After(cert.NotAfter):
		return nil, fmt.Errorf("certificate authority: it expired on %s", cert.NotAfter.UTC().Format(time.DateTime))
	}
	l := &leaves{pool: x509.NewCertPool(), sign: goproxy.TLSConfigFromCA(ca), held: map[string]*tls.Certificate{}}
	l.quiet = &goproxy.ProxyCtx{Proxy: &goproxy.ProxyHttpServer{Logger: goproxyLog{log}}}
	l.pool.AddCert(cert)
	return l, nil
}

// config ends TLS with such certificates. It is for all connections, so that sessions can be
// resumed.
func (l *leaves) config(oldest uint16) *tls.Config {
	return listening(&tls.Config{GetCertificate: l.get, MinVersion: oldest})
}

// get is for tls.Config.GetCertificate: it is the certificate for what the client asks for, else
// for the host that it named in CONNECT.
func (l *leaves) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host := ""
	if raw, ok := hello.Conn.(*tlsSocket); ok {
		host = raw.host
	}
	if name, err := canonicalName(hello.ServerName); err == nil {
		host = name
	}
	if host == "" {
		return nil, errors.New("the client asks for no name")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if cert := l.held[host]; cert != nil && time.Now().Before(cert.Leaf.NotAfter.Add(-time.Hour)) {
		return cert, nil
	}
	cert, err := l.mint(host)
	if err != nil {
		return nil, err
	}
	for name := range l.held {
		if len(l.held) < maxLeaves {
			break
		}
		delete(l.held, name)
	}
	l.held[host] = cert
	return cert, nil
}

// mint makes a certificate, and looks whether the authority may vouch for it.
func (l *leaves) mint(host string) (*tls.Certificate, error) {
	config, err := l.sign(host, l.quiet)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate for %q: %w", host, err)
	}
	cert := config.Certificates[0]
	if _, err := cert.Leaf.Verify(x509.VerifyOptions{Roots: l.pool, DNSName: host}); err != nil {
		return nil, fmt.Errorf("the certificate authority may not vouch for %q: create one that may, with interlock ca create: %w", host, err)
	}
	return &cert, nil
}
