package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// KeepAlive has the kernel find out about peers that have vanished, with the intervals that the
// system is set to. Listeners should have it too: its own defaults cost net more system calls for
// each connection.
var KeepAlive = net.KeepAliveConfig{Enable: true, Idle: -1, Interval: -1, Count: -1}

// dialer is what connections to backends are made with.
func dialer(limit time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: limit, KeepAliveConfig: KeepAlive}
}

// dial connects to the backend, and tells the session what became of that.
func (g *goConn) dial() {
	ctx, cancel := context.WithCancel(context.Background()) // draining lets a request come to its end
	defer cancel()
	g.mu.Lock()
	if g.giveUp = cancel; g.session.stage != dialling { // it was told to end before
		cancel()
	}
	g.mu.Unlock()
	backend, address, err := g.connect(ctx)
	now := time.Now()
	g.mu.Lock()
	if err == nil {
		if g.backend = backend; g.session.stage != dialling {
			backend.Close() // it was told to end meanwhile
		}
	}
	a := g.session.dialled(address, 0, err, now)
	g.share(&a)
	g.arm()
	g.mu.Unlock()
	g.do(a)
}

// connect is a connection to the backend: the one that there is, or a new one.
func (g *goConn) connect(ctx context.Context) (backend *side, address string, err error) {
	if backend, address, err, reached := g.mirror.take(); reached {
		return backend, address, err
	}
	return g.reach(ctx, g.backendTLS)
}

// reach connects to the backend, with that TLS if it is not nil, and claims the connection, so that it is
// known if it comes in again.
func (g *goConn) reach(ctx context.Context, secured func(address string) *tls.Config) (backend *side, address string, err error) {
	var conn net.Conn
	if d := dialer(g.relay.Limits.Dial); g.target == nil {
		conn, address, err = g.session.backend.connect(ctx, d)
	} else {
		address = g.target.String()
		conn, err = g.target.dial(ctx, d)
	}
	if err != nil {
		return nil, address, err
	}
	from, ok1 := addrPort(conn.LocalAddr())
	to, ok2 := addrPort(conn.RemoteAddr())
	if ok1 && ok2 {
		g.claim(from, to)
	}
	if err = g.introduce(conn); err == nil {
		backend = cleartext(conn.(socket))
		if config := secured(address); config != nil {
			backend, err = g.secureBackend(ctx, backend.socket, config)
		}
	}
	if err != nil {
		conn.Close()
		g.disclaim()
	}
	return backend, address, err
}
