package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// named is where a client of a forward listener wants to go.
type named struct {
	destination
	listed    []listed // what it is listed as; the first counts
	authority string   // as the client has written it
	forward   *Forward
	absolute  bool // by a target in absolute-form; else by CONNECT
	once      bool // the connection ends behind the first answer: its next request may be for another place
	closed    bool // what the client says there must not be opened
}

// follow sets where the connection goes: to the backend that is named, or to a listed host that is none.
func (c *conn) follow(n *named) {
	c.named = n
	b := n.listed[0].backend
	if b == nil {
		// Whoever is no route's has the rules and the guard of the default one.
		b = &Backend{Route: n.listed[0].text, Addresses: []string{n.String()}, Guard: c.way.backend.Guard}
	}
	c.toward(b)
}

// among reports whether a backend that was chosen by the head is one that the client may have named.
func (n *named) among(b *Backend) bool {
	for _, l := range n.listed {
		if l.backend == b && b != nil {
			return true
		}
	}
	return false
}

// mayChoose reports whether the destination does not say by itself which backend it is.
func (n *named) mayChoose() bool {
	return len(n.listed) > 1 && n.listed[0].backend != nil && n.listed[1].backend != nil
}

// suit has the connection do what the way by which the client named its destination asks for.
func (c *conn) suit() {
	n := c.named
	c.common.Backend, c.common.BackendTLS = n.String(), c.client.tls != nil
	if n.absolute {
		c.alter("forward", n.onTheWay)
	}
}

// onTheWay is a head in absolute-form as it goes on. A peer that is asked once is told that nothing more comes, and says so
// to the client in turn.
func (n *named) onTheWay(head []byte) []byte {
	switch {
	case !n.once:
		return originForm(head, n.authority)
	case n.forward.Upstream == nil:
		return withLine(originForm(head, n.authority), "Connection: close")
	}
	head = withoutProxy(head)
	if credentials := n.forward.upstreamCredentials(); credentials != "" {
		head = withLine(head, "Proxy-Authorization: "+credentials)
	}
	return withLine(head, "Connection: close")
}

// namedTLS is how TLS is spoken with where the connection goes: if the client speaks it, with the name that it asks for.
func (c *conn) namedTLS() *tls.Config {
	if c.client.tls == nil {
		return nil
	}
	config := c.to.dialTLS
	if config == nil {
		config = c.named.forward.dialTLS
	}
	if name := c.client.tls.ConnectionState().ServerName; name != "" && config.ServerName == "" {
		config = config.Clone()
		config.ServerName = name
	}
	return config
}

// reach connects to where the connection goes.
func (c *conn) reach(ctx context.Context, d *net.Dialer) (net.Conn, string, error) {
	if c.named == nil {
		return c.to.dial(ctx, d)
	}
	conn, err := c.named.dial(ctx, d)
	return conn, c.named.String(), err
}

// helloBytes is how much of what comes behind a CONNECT reports whether it is TLS: a record of version 3 that carries a
// handshake (RFC 8446 §5.1) and begins with a ClientHello (§4).
const helloBytes = 6

// isHello reports whether that is how a ClientHello begins; sure, whether more bytes cannot change the answer.
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

// uncover finds out whether what comes behind a CONNECT is TLS, and whether it is to be ended here. A client that has
// begun has Limits.Head to make that clear.
func (c *conn) uncover() error {
	n := c.named
	if n == nil || n.absolute || n.closed {
		return nil
	}
	hello, sure := isHello(c.prefix)
	if len(c.prefix) > 0 {
		c.client.SetReadDeadline(time.Now().Add(c.relay.Limits.Head))
	}
	defer c.resume()
	for b := make([]byte, helloBytes); !sure; hello, sure = isHello(c.prefix) {
		count, err := c.client.Read(b[:helloBytes-len(c.prefix)])
		if len(c.prefix) == 0 {
			c.client.SetReadDeadline(time.Now().Add(c.relay.Limits.Head))
		}
		c.prefix = append(c.prefix, b[:count]...)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if err != nil {
			return nil // whoever carries the connection will meet the same end
		}
	}
	if !hello {
		return nil
	}
	if config := n.forward.listenTLS; config != nil {
		c.via = &Listener{TLS: config}
		return nil
	}
	c.relay.rare.log("blind tls", c.relay.Log.Info().Str("client", c.common.Client).Str("target", n.String()), "tls inside connect is carried blind")
	return nil
}

// resume takes a deadline back, unless that is what is to end the connection.
func (c *conn) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		c.client.SetReadDeadline(time.Time{})
	}
}

// carryClosed carries a connection that nobody looks into.
func (c *conn) carryClosed(ctx context.Context, up *pump, first []byte) {
	c.mu.Lock()
	c.spoken = true
	c.mu.Unlock()
	if c.relay.loops(c.client) {
		c.end(wire.CauseLoop)
		return
	}
	if err := c.dial(ctx); err != nil {
		c.answerDial(up, err)
		return
	}
	defer c.backend.Close()
	down := pump{conn: c, from: wire.FromServer, src: c.backend, dst: c.client}
	up.dst = c.backend
	if err := errors.Join(up.open(), down.open()); err != nil {
		c.end(wire.CauseServerReset)
		return
	}
	c.relay.Counts.Tunnels.Add(1)
	c.relay.rare.log("closed", c.relay.Log.Info().Str("client", c.common.Client).Str("target", c.named.String()), "tunnel not audited")
	c.recorded = [2]bool{true, true}
	Carry(&Tunnel{conn: c, pumps: [2]*pump{up, &down}, rest: [2]rest{{pending: first}, {}}})
	c.linger(up)
}

// dial connects to the destination: to an address that may be dialled, and to precisely that one, or through the upstream
// proxy, which looks up names by itself. That is asked for a tunnel, but where it can read the one request by itself: many
// open tunnels to the port 443 only.
func (n *named) dial(ctx context.Context, d *net.Dialer) (net.Conn, error) {
	f, to := n.forward, n.destination
	ctx, stop := context.WithTimeout(ctx, d.Timeout)
	defer stop()
	switch {
	case f.Upstream != nil && n.once:
		return f.reachUpstream(ctx, d)
	case f.Upstream != nil:
		return f.dialUpstream(ctx, d, to)
	}
	all, err := f.scope.resolve(ctx, to, n.listed[0])
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
