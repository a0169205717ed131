package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// onlyHTTP1 is a copy of a configuration that agrees to nothing but HTTP/1.1 (RFC 7301): what Interlock is for is not in
// HTTP/2. It is nil if c is.
func onlyHTTP1(c *tls.Config) *tls.Config {
	if c == nil {
		return nil
	}
	c = c.Clone()
	c.NextProtos = []string{"http/1.1"}
	return c
}

// listening readies the TLS of a listener for use, by connections whose socket is a noting. All of them share what it
// returns, and with that the keys by which sessions are resumed.
func listening(c *tls.Config) *tls.Config {
	if c = onlyHTTP1(c); c == nil {
		return nil
	}
	under := c.GetConfigForClient
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		raw := hello.Conn.(*noting)
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

// secureClient ends the client's TLS at the listener. The peer has Limits.Head for its part.
func (c *conn) secureClient(ctx context.Context) error {
	if c.via == nil || c.via.TLS == nil {
		return nil
	}
	raw := &noting{socket: c.client.socket, prefix: c.prefix, passH2: c.via.PassH2}
	c.prefix = nil
	if raw.passH2 != nil {
		raw.seen = []byte{}
	}
	if c.named != nil {
		raw.host = c.named.host
	}
	secured := tls.Server(raw, c.via.TLS)
	ctx, stop := context.WithTimeout(ctx, c.relay.Limits.Head)
	defer stop()
	err := secured.HandshakeContext(ctx)
	if errors.Is(err, errPassed) {
		c.passBlind(raw.seen)
		return nil
	}
	if err != nil {
		return fmt.Errorf("tls with client: %w", err)
	}
	if raw.wantsH2 {
		c.relay.Counts.Downgraded.Add(1)
		c.relay.rare.log("h2", c.relay.Log.Info().Str("client", c.common.Client).Str("route", c.common.Route), "client wanted h2 and got http/1.1")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client = &side{socket: c.client.socket, tls: secured, raw: raw}
	c.common.ClientTLS = true
	if c.named != nil {
		c.common.BackendTLS = true
	}
	return nil
}

// errPassed says that the client's TLS is not ended here.
var errPassed = errors.New("passed on")

// passBlind has the client's TLS go to the backend as it is: hello is what has been read of it. Nobody looks inside.
func (c *conn) passBlind(hello []byte) {
	c.prefix, c.blind = hello, true
	c.client.SetDeadline(time.Time{})
	c.relay.rare.log("h2 passed", c.relay.Log.Info().Str("client", c.common.Client).Str("route", c.common.Route), "client wanted h2 and is not audited")
}

// secureBackend begins TLS with the backend. The peer has Limits.Dial for its part.
func (c *conn) secureBackend(ctx context.Context, s socket, address string) (*side, error) {
	config := c.to.dialTLS
	if c.named != nil {
		config = c.namedTLS()
	}
	if config == nil || c.blind {
		return cleartext(s), nil
	}
	raw := &noting{socket: s}
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = serverName(address)
	}
	secured := tls.Client(raw, config)
	ctx, stop := context.WithTimeout(ctx, c.relay.Limits.Dial)
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

// refused reports whether the backend's first word inside TLS is an alert. In TLS 1.3 that is how it says that it does not
// take the certificate that it was shown: for us the handshake is over before it looks at that (RFC 8446 §4.4.2.4).
func (p *pump) refused(err error) bool {
	var alert *net.OpError
	return p.from == wire.FromServer && p.src.tls != nil && !p.heard && errors.As(err, &alert) && alert.Op == "remote error"
}

// answerRefused tells the client that, from the down pump. The up pump reads what the client still sends.
func (c *conn) answerRefused(err error) {
	var alert *net.OpError
	errors.As(err, &alert)
	c.mu.Lock()
	c.cause = wire.CauseDial // whatever became of the bytes that were on their way
	closing := c.closing
	c.mu.Unlock()
	if !closing {
		c.say(wire.CauseDial, fmt.Sprintf("cannot reach backend %q: it refuses our TLS: %v", c.common.Backend, alert.Err))
	}
	c.shut()
}

// shut lets the client see what it was sent last, and ends both sides, from the down pump. The up pump, or linger, reads
// what still comes.
func (c *conn) shut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing = true
	if c.gate != nil {
		c.gate.opened.Broadcast()
	}
	c.client.finish(false)
	c.client.SetReadDeadline(time.Now().Add(lingerFor))
	c.backend.Close()
}
