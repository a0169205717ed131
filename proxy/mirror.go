package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// A mirror is the result of dialling the backend before the client's TLS was answered.
type mirror struct {
	of       *goConn
	protocol string // that the client and the backend speak; empty: HTTP/1.1, and the backend does not know
	theirs   bool   // the backend has chosen it
	why      string // why it is not the backend's choice

	reached bool // the dial is over, and is not to be repeated
	backend *side
	address string
	err     error
}

// drop closes a connection that was not taken.
func (m *mirror) drop() {
	if m != nil && m.backend != nil {
		m.backend.Close()
		m.backend = nil
	}
}

// take is the connection that has been made, or why there is none. It is false if one is to be made.
func (m *mirror) take() (backend *side, address string, err error, reached bool) {
	if m == nil || !m.reached {
		return nil, "", nil, false
	}
	backend, m.backend, m.reached = m.backend, nil, false
	return backend, m.address, m.err, true
}

// agree finds out which protocol a client that offers HTTP/2 gets. The error is errPassed if its TLS is
// not ended here.
func (m *mirror) agree(hello *tls.ClientHelloInfo) (protocol string, err error) {
	switch m.of.via.HTTP2(hello.ServerName) {
	case PassHTTP2:
		return "", errPassed
	case AuditHTTP2:
		m.of.mirror = m
		if m.why = m.ask(hello); m.why != "" && m.backend != nil {
			m.drop()
			m.of.disclaim()
		}
		if m.protocol == protocolHTTP2 {
			return protocolHTTP2, nil
		}
	}
	return protocolHTTP1, nil
}

// ask dials the backend with what the client offers. It returns why the client cannot get the result; it is
// empty if it can.
func (m *mirror) ask(hello *tls.ClientHelloInfo) (why string) {
	g, b, asked := m.of, m.only(hello.ServerName), false
	switch {
	case b == nil:
		return "the SNI alone does not name the backend"
	case g.relay.own.has(g.relay.own.of(g.client)):
		return "the connection comes from this proxy itself"
	case b.Host != "":
		return "the Host header is rewritten"
	case b.TLS == nil:
		return "the backend speaks no TLS"
	case !maySpeak(hello):
		return "the client offers no TLS that HTTP/2 allows"
	}
	g.mu.Lock()
	g.session.toward(b)
	g.mu.Unlock()
	ctx, stop := context.WithTimeout(hello.Context(), g.relay.Limits.Dial)
	defer stop()
	m.backend, m.address, m.err = g.reach(ctx, func(address string) *tls.Config {
		return b.mirrorTLS(hello, address, func() { asked = true })
	})
	var secure *tlsError
	switch {
	case asked:
		return "the backend asks for a certificate"
	case errors.As(m.err, &secure):
		return "no such TLS with the backend: " + m.err.Error()
	case m.err != nil:
		m.reached = true
		return "the backend is not reached"
	}
	if why = m.judge(); why == "" {
		m.backend.pay()
		m.reached, m.theirs = true, true
	}
	return why
}

// only is the one backend of connections whose TLS asks for that name; nil if a head decides.
func (m *mirror) only(sni string) *Backend {
	g := m.of
	if g.session.routes.choose == nil {
		return g.session.routes.backend
	}
	b, _ := g.session.routes.choose(&Arrival{Listener: g.client.LocalAddr(), Client: g.client.RemoteAddr(), SNI: sni, Early: true})
	if b != nil {
		b.ready()
	}
	return b
}

// judge takes the protocol that the backend has chosen, and returns why the client cannot have it.
func (m *mirror) judge() (why string) {
	s := m.backend.tls.ConnectionState()
	switch s.NegotiatedProtocol {
	case protocolHTTP2:
		if !sound(s.Version, s.CipherSuite) {
			return "the backend chooses " + tls.CipherSuiteName(s.CipherSuite) + ", which HTTP/2 forbids"
		}
	case protocolHTTP1, "":
	default:
		return fmt.Sprintf("the backend chooses %q", s.NegotiatedProtocol)
	}
	m.protocol = s.NegotiatedProtocol
	return ""
}

// say counts and logs what a client got that offered HTTP/2. m is nil if the backend was not asked.
func (m *mirror) say(g *goConn) {
	e := g.relay.Log.Info().Str("client", g.session.common.Client).Str("route", g.session.common.Route)
	switch {
	case m != nil && m.protocol == protocolHTTP2:
		g.relay.rare.log("h2 agreed", e, "client and backend speak h2")
	case m != nil && m.theirs:
		g.relay.rare.log("h2 declined", e, "client wanted h2 and the backend chose http/1.1")
	default:
		if m != nil {
			e = e.Str("reason", m.why)
		}
		g.relay.Counts.Downgraded.Add(1)
		g.relay.rare.log("h2", e, "client wanted h2 and got http/1.1")
	}
}

// verifyAs verifies a certificate as TLS does, for another name than that which is asked for.
func verifyAs(name string, config *tls.Config, s *tls.ConnectionState) error {
	options := x509.VerifyOptions{Roots: config.RootCAs, DNSName: name, Intermediates: x509.NewCertPool()}
	if config.Time != nil {
		options.CurrentTime = config.Time()
	}
	for _, c := range s.PeerCertificates[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(options)
	return err
}
