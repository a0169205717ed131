package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
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

// secureClient ends the client's TLS at the listener. The peer has Limits.Head for its part.
func (c *conn) secureClient(ctx context.Context) error {
	if c.via == nil || c.via.TLS == nil {
		return nil
	}
	raw := &noting{socket: c.client.socket, prefix: c.prefix}
	c.prefix = nil
	config := c.via.TLS
	wanted := false
	config = config.Clone()
	under := config.GetConfigForClient
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		wanted = slices.Contains(hello.SupportedProtos, "h2")
		if under != nil {
			return under(hello)
		}
		return nil, nil
	}
	secured := tls.Server(raw, config)
	ctx, stop := context.WithTimeout(ctx, c.relay.Limits.Head)
	defer stop()
	if err := secured.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("tls with client: %w", err)
	}
	if wanted {
		c.relay.Counts.Downgraded.Add(1)
		c.relay.rare.log("h2", c.relay.Log.Info().Str("client", c.common.Client).Str("route", c.common.Route), "client wanted h2 and got http/1.1")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client = &side{socket: c.client.socket, tls: secured, raw: raw}
	c.common.ClientTLS = true
	return nil
}

// secureBackend begins TLS with the backend. The peer has Limits.Dial for its part.
func (c *conn) secureBackend(ctx context.Context, s socket, address string) (*side, error) {
	if c.to.dialTLS == nil {
		return cleartext(s), nil
	}
	raw := &noting{socket: s}
	config := c.to.dialTLS
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = c.to.serverName(address)
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
