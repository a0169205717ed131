package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// onlyHTTP1 is a copy of a configuration that agrees to nothing but HTTP/1.1 (RFC 7301): what
// Interlock is for is not in HTTP/2. It is nil if c is.
func onlyHTTP1(c *tls.Config) *tls.Config {
	if c == nil {
		return nil
	}
	c = c.Clone()
	c.NextProtos = []string{"http/1.1"}
	return c
}

// listening readies the TLS of a listener for use, by connections whose socket is a tlsSocket. All
// of them share what it returns, and with that the keys by which sessions are resumed.
func listening(c *tls.Config) *tls.Config {
	if c = onlyHTTP1(c); c == nil {
		return nil
	}
	under := c.GetConfigForClient
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		raw := hello.Conn.(*tlsSocket)
		raw.wantsH2 = slices.Contains(hello.SupportedProtos, "h2")
		if raw.wantsH2 && raw.passH2 != nil && raw.passH2(hello.ServerName) {
			raw.passed = true
			return nil, errPassed
		}
		raw.seen = nil
		if under == nil {
			return nil, nil
		}
		next, err := under(hello)
		return onlyHTTP1(next), err
	}
	return c
}

// prepare brings the client's side as far as its first byte that is not a preliminary. It reports
// whether that can be reached.
func (g *goConn) prepare(ctx context.Context) bool {
	s, log := &g.session, &g.relay.Log
	err := g.introduced()
	if err != nil {
		g.relay.rare.log("proxy protocol", log.Warn().Str("peer", g.client.RemoteAddr().String()).Err(err), "connection without PROXY header dropped")
	} else {
		if err = g.uncover(); err == nil {
			err = g.secureClient(ctx)
		}
		if err != nil {
			g.relay.rare.log("client tls", log.Info().Str("client", s.common.Client).Err(err), "no tls with client")
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		s.close(wire.CauseClientReset, action{})
		return false
	}
	s.arrived = g.relay.own.of(g.client)
	if s.routes.choose != nil {
		s.hold().arrival = &Arrival{Listener: g.client.LocalAddr(), Client: g.client.RemoteAddr()}
		if g.client.tls != nil {
			s.arrival.SNI = g.client.tls.ConnectionState().ServerName
		}
	}
	return true
}

// secureClient ends the client's TLS at the listener. The peer has Limits.Head for its part.
func (g *goConn) secureClient(ctx context.Context) error {
	if g.via == nil || g.via.TLS == nil {
		return nil
	}
	raw := &tlsSocket{socket: g.client.socket, prefix: g.prefix, passH2: g.via.PassH2}
	g.prefix = nil
	if raw.passH2 != nil {
		raw.seen = []byte{}
	}
	if g.target != nil {
		raw.host = g.target.host
	}
	secured := tls.Server(raw, g.via.TLS)
	ctx, stop := context.WithTimeout(ctx, g.relay.Limits.Head)
	defer stop()
	err := secured.HandshakeContext(ctx)
	if errors.Is(err, errPassed) {
		g.passBlind(raw.seen)
		return nil
	}
	if err != nil {
		return fmt.Errorf("tls with client: %w", err)
	}
	if raw.wantsH2 {
		g.relay.Counts.Downgraded.Add(1)
		g.relay.rare.log("h2", g.relay.Log.Info().Str("client", g.session.common.Client).Str("route", g.session.common.Route), "client wanted h2 and got http/1.1")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.client = &side{socket: g.client.socket, tls: secured, raw: raw}
	g.session.common.ClientTLS, g.session.common.NoSNI = true, secured.ConnectionState().ServerName == ""
	if g.target != nil {
		g.session.common.BackendTLS = true
	}
	return nil
}

// errPassed says that the client's TLS is not ended here.
var errPassed = errors.New("passed on")

// passBlind has the client's TLS go to the backend as it is: hello is what has been read of it.
// Nobody looks inside.
func (g *goConn) passBlind(hello []byte) {
	g.prefix, g.blind = hello, true
	g.client.SetDeadline(time.Time{})
	g.relay.rare.log("h2 passed", g.relay.Log.Info().Str("client", g.session.common.Client).Str("route", g.session.common.Route), "client wanted h2 and is not audited")
}

// secureBackend begins TLS with the backend. The peer has Limits.Dial for its part.
func (g *goConn) secureBackend(ctx context.Context, s socket, address string) (*side, error) {
	config := g.session.backend.dialTLS
	if g.target != nil {
		config = g.targetTLS()
	}
	if config == nil || g.blind {
		return cleartext(s), nil
	}
	raw := &tlsSocket{socket: s}
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = serverName(address)
	}
	secured := tls.Client(raw, config)
	ctx, stop := context.WithTimeout(ctx, g.relay.Limits.Dial)
	defer stop()
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, &tlsError{err}
	}
	return &side{socket: s, tls: secured, raw: raw}, nil
}

// A tlsError says why TLS with the backend did not come about.
type tlsError struct{ err error }

// Error says what to look at, too.
func (e *tlsError) Error() string {
	var header tls.RecordHeaderError
	switch {
	case errors.As(e.err, &header):
		return "it does not speak TLS: is its scheme http?"
	case errors.Is(e.err, context.DeadlineExceeded):
		return "no TLS handshake in time"
	}
	return e.err.Error()
}

// Unwrap is the cause.
func (e *tlsError) Unwrap() error { return e.err }
