package why

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/probe"
)

// soon is how long before its end a certificate is worth a note.
const soon = 14 * 24 * time.Hour

// secure makes a TLS handshake as a browser does, and looks at the certificate and at ALPN. If the
// server chooses HTTP/2, it makes another one that offers only HTTP/1.1.
func (w *walker) secure(ctx context.Context) bool {
	step := Step{Name: "tls", What: "TLS"}
	began := time.Now()
	state, err := w.shake(ctx, "h2", "http/1.1")
	step.Took = time.Since(began)
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		step.Answer = "the handshake failed: " + failedTLS(err)
		w.take(step)
		w.found(noTLS(&w.target, err))
		return false
	}
	leaf := state.PeerCertificates[0]
	step.OK = true
	step.Answer = fmt.Sprintf("%s, certificate for %s until %s", tls.VersionName(state.Version), names(leaf), leaf.NotAfter.Format(time.DateOnly))
	if state.NegotiatedProtocol == "h2" {
		step.Answer += "; it prefers HTTP/2 (ALPN h2)"
		w.prefers2 = true
		if _, err := w.shake(ctx, "http/1.1"); err != nil && w.target.HTTP != probe.HTTP2 {
			step.OK, step.Answer = false, "the server takes HTTP/2 only (ALPN h2): with http/1.1 the handshake fails: "+err.Error()
			w.take(step)
			w.found(onlyHTTP2(&w.target))
			return false
		}
	}
	if err := w.verify(state); err != nil {
		if !w.target.TLS.InsecureSkipVerify {
			step.OK, step.Answer = false, fmt.Sprint(err)
			w.take(step)
			w.found(badCertificate(&w.target, state.PeerCertificates, err))
			return false
		}
		w.note("Browsers reject the certificate: %v", err)
	}
	if left := time.Until(leaf.NotAfter); left > 0 && left < soon {
		w.note("The certificate ends in %d days", int(left.Hours()/24))
	}
	w.take(step)
	return true
}

// shake makes a TLS handshake that offers these protocols. It does not verify the certificate.
func (w *walker) shake(ctx context.Context, protocols ...string) (*tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, w.settings.Timeout)
	defer cancel()
	bareConn, err := new(net.Dialer).DialContext(ctx, "tcp", w.address)
	if err != nil {
		return nil, bare(err)
	}
	defer bareConn.Close()
	config := w.target.TLS.Clone()
	if config == nil {
		config = &tls.Config{ServerName: w.target.Name}
	}
	config.NextProtos, config.InsecureSkipVerify = protocols, true
	conn := tls.Client(bareConn, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, bare(err)
	}
	state := conn.ConnectionState()
	if len(state.PeerCertificates) == 0 {
		return nil, errors.New("the server has no certificate")
	}
	return &state, nil
}

// verify checks the certificate as a client does.
func (w *walker) verify(state *tls.ConnectionState) error {
	o := x509.VerifyOptions{Roots: w.target.TLS.RootCAs, DNSName: w.target.TLS.ServerName, Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(o)
	return err
}

// names are the hosts that a certificate is for.
func names(c *x509.Certificate) string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return "no host"
	}
	if n := len(all); n > 4 {
		return strings.Join(all[:4], ", ") + fmt.Sprintf(" and %d more", n-4)
	}
	return strings.Join(all, ", ")
}
