package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// A forwardTarget is where a client of a forward listener wants to go.
type forwardTarget struct {
	destination
	patterns  []hostPattern // what it is listed as; the first counts
	authority string        // as the client has written it
	forward   *Forward
	absolute  bool // by a target in absolute-form; else by CONNECT
	once      bool // the connection ends after the first answer: its next request may be for another place
	closed    bool // what the client says there must not be opened
}

// follow sets where the connection goes: to the backend that is named, or to a listed host that is
// none.
func (g *goConn) follow(t *forwardTarget) {
	g.target = t
	b := t.patterns[0].backend
	if b == nil {
		// A host that is not of a route has the rules and the guard of the default one.
		first := g.session.routes.backend
		b = &Backend{Route: t.patterns[0].text, Addresses: []string{t.String()}, Guard: first.Guard, NoFrames: first.NoFrames, Messages: first.Messages}
	}
	s := &g.session
	h := s.hold()
	h.fixed, h.allowed, h.adjust = !t.mayChoose(), t.among, g.suit
	s.once, s.restless = t.once, t.once
	if t.closed {
		s.seal()
	}
	s.toward(b)
}

// among reports whether a backend that was chosen by the head is one that the client may have
// named.
func (t *forwardTarget) among(b *Backend) bool {
	for _, l := range t.patterns {
		if l.backend == b && b != nil {
			return true
		}
	}
	return false
}

// mayChoose reports whether the destination does not say by itself which backend it is.
func (t *forwardTarget) mayChoose() bool {
	return len(t.patterns) > 1 && t.patterns[0].backend != nil && t.patterns[1].backend != nil
}

// suit has the connection do what the way by which the client named its destination asks for.
func (g *goConn) suit() {
	t, common := g.target, &g.session.common
	common.Backend, common.BackendTLS = t.String(), g.client.tls != nil
	if t.absolute {
		g.session.hold().alter(common, "forward", t.onTheWay)
	}
}

// onTheWay is a head in absolute-form as it goes on. A peer that is asked once is told that nothing
// more comes, and says so to the client in turn.
func (t *forwardTarget) onTheWay(head []byte) []byte {
	switch {
	case !t.once:
		return originForm(head, t.authority)
	case t.forward.Upstream == nil:
		return withLine(originForm(head, t.authority), "Connection: close")
	}
	head = withoutProxy(head)
	if credentials := t.forward.upstreamCredentials(); credentials != "" {
		head = withLine(head, "Proxy-Authorization: "+credentials)
	}
	return withLine(head, "Connection: close")
}

// targetTLS is how TLS is spoken with where the connection goes: if the client speaks it, with the
// name that it asks for.
func (g *goConn) targetTLS() *tls.Config {
	if g.client.tls == nil {
		return nil
	}
	config := g.session.backend.dialTLS
	if config == nil {
		config = g.target.forward.dialTLS
	}
	if name := g.client.tls.ConnectionState().ServerName; name != "" && config.ServerName == "" {
		config = config.Clone()
		config.ServerName = name
	}
	return config
}

// helloBytes is how much of what comes after a CONNECT reports whether it is TLS: a record of
// version 3 that carries a handshake (RFC 8446 §5.1) and begins with a ClientHello (§4).
const helloBytes = 6

// isHello reports whether that is how a ClientHello begins; sure, whether more bytes cannot change
// the answer.
func isHello(p []byte) (hello, sure bool) {
	for i, want := range [helloBytes]int{0: 0x16, 1: 3, 2: -1, 3: -1, 4: -1, 5: 1} {
		if i >= len(p) {
			return true, false
		}
		if want >= 0 && int(p[i]) != want {
			return false, true
		}
	}
	return true, true
}

// uncover finds out whether what comes after a CONNECT is TLS, and whether it is to be ended here.
// A client that has begun has Limits.Head to make that clear.
func (g *goConn) uncover() error {
	t := g.target
	if t == nil || t.absolute || t.closed {
		return nil
	}
	hello, sure := isHello(g.prefix)
	if len(g.prefix) > 0 {
		g.client.SetReadDeadline(time.Now().Add(g.relay.Limits.Head))
	}
	defer g.client.SetReadDeadline(time.Time{})
	for b := make([]byte, helloBytes); !sure; hello, sure = isHello(g.prefix) {
		count, err := g.client.Read(b[:helloBytes-len(g.prefix)])
		if len(g.prefix) == 0 {
			g.client.SetReadDeadline(time.Now().Add(g.relay.Limits.Head))
		}
		g.prefix = append(g.prefix, b[:count]...)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if err != nil {
			return nil // the driver will meet the same end
		}
	}
	if !hello {
		return nil
	}
	if config := t.forward.listenTLS; config != nil {
		g.via = &Listener{TLS: config}
		return nil
	}
	g.relay.rare.log("blind tls", g.relay.Log.Info().Str("client", g.session.common.Client).Str("target", t.String()), "tls inside connect is carried blind")
	return nil
}

// dial connects to the destination: to an address that may be dialled, and to precisely that one,
// or through the upstream proxy, which looks up names by itself. That is asked for a tunnel, but
// where it can read the one request by itself: many open tunnels to the port 443 only.
func (t *forwardTarget) dial(ctx context.Context, d *net.Dialer) (net.Conn, error) {
	f, to := t.forward, t.destination
	ctx, stop := context.WithTimeout(ctx, d.Timeout)
	defer stop()
	switch {
	case f.Upstream != nil && t.once:
		return f.reachUpstream(ctx, d)
	case f.Upstream != nil:
		return f.dialUpstream(ctx, d, to)
	}
	all, err := f.scope.resolve(ctx, to, t.patterns[0])
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	for _, a := range all {
		if conn, err = f.connect(ctx, d, netip.AddrPortFrom(a, to.port)); err == nil || ctx.Err() != nil {
			break
		}
	}
	return conn, err
}
