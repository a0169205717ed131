package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// only is a copy of a configuration that agrees to nothing but that protocol (RFC 7301). It is nil if c is.
func only(c *tls.Config, protocol string) *tls.Config {
	if c == nil {
		return nil
	}
	c = c.Clone()
	c.NextProtos = []string{protocol}
	return c
}

// listening readies the TLS of a listener for use, by connections whose socket is a tlsSocket. All
// of them share what it returns, and with that the keys by which sessions are resumed.
func listening(c *tls.Config) *tls.Config {
	if c = only(c, protocolHTTP1); c == nil {
		return nil
	}
	under, http2 := c.GetConfigForClient, only(c, protocolHTTP2)
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		raw := hello.Conn.(*tlsSocket)
		raw.wantsH2 = slices.Contains(hello.SupportedProtos, protocolHTTP2)
		protocol, err := protocolHTTP1, error(nil)
		if raw.wantsH2 && raw.agree != nil {
			if protocol, err = raw.agree(hello); err != nil {
				raw.passed = errors.Is(err, errPassed)
				return nil, err
			}
		}
		raw.seen = nil
		raw.onlyH2 = raw.wantsH2 && protocol == protocolHTTP1 && !slices.Contains(hello.SupportedProtos, protocolHTTP1)
		switch {
		case under != nil:
			next, err := under(hello)
			return only(next, protocol), err
		case protocol == protocolHTTP2:
			return http2, nil
		}
		return nil, nil
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
	raw := &tlsSocket{socket: g.client.socket, prefix: g.prefix}
	g.prefix = nil
	if g.via.HTTP2 != nil {
		raw.agree, raw.seen = (&mirror{of: g}).agree, []byte{}
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
		if raw.onlyH2 {
			g.relay.Counts.HTTP2Only.Add(1)
		}
		return err
	}
	if raw.wantsH2 {
		g.mirror.say(g)
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

// backendTLS is how TLS is spoken with an address of the backend; nil if it is not, or not by us.
func (g *goConn) backendTLS(address string) *tls.Config {
	config := g.session.backend.dialTLS
	if g.target != nil {
		config = g.targetTLS()
	}
	if config == nil || g.blind {
		return nil
	}
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = serverName(address)
	}
	return config
}

// secureBackend begins TLS with the backend. The peer has Limits.Dial for its part. The last flight of the
// handshake waits for what is written next.
func (g *goConn) secureBackend(ctx context.Context, s socket, config *tls.Config) (*side, error) {
	raw := &tlsSocket{socket: s}
	secured := tls.Client(raw, config)
	ctx, stop := context.WithTimeout(ctx, g.relay.Limits.Dial)
	defer stop()
	raw.last.holding = true
	err := secured.HandshakeContext(ctx)
	if raw.last.holding = false; err != nil {
		_ = raw.flush() // an alert, which a peer that is gone does not need
		return nil, &tlsError{err, g.session.backend.ProxyProtocol != 0}
	}
	return &side{socket: s, tls: secured, raw: raw}, nil
}

// A tlsError says why TLS with the backend did not come about.
type tlsError struct {
	err       error
	announced bool // the backend was sent a PROXY header first
}

// Error says what to look at, too.
func (e *tlsError) Error() string {
	var header tls.RecordHeaderError
	var op *net.OpError
	text, hint := e.err.Error(), ""
	switch {
	case errors.As(e.err, &header):
		text, hint = "it does not speak TLS", "is its scheme http?"
	case errors.Is(e.err, context.DeadlineExceeded):
		text = "no TLS handshake in time"
	case errors.Is(e.err, io.EOF), errors.Is(e.err, syscall.ECONNRESET):
		text, hint = "it ended the connection during the TLS handshake", "does it speak TLS, or expect a PROXY header (send_proxy)?"
	case errors.As(e.err, &op):
		text = op.Err.Error()
	}
	if e.announced {
		hint = "it was sent a PROXY header first (send_proxy), does it expect one?"
	}
	return strings.TrimSuffix(text+": "+hint, ": ")
}

// Unwrap is the cause.
func (e *tlsError) Unwrap() error { return e.err }
