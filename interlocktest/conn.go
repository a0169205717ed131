package interlocktest

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A conn is a connection of a client whose bytes are read on their way.
type conn struct {
	net.Conn
	of *Auditor

	mu   sync.Mutex // held while talk is used
	talk wire.Conversation
}

// Conn wraps a connection of the client to its server, before its first byte. What the client writes and
// reads is judged; it should be plain HTTP, so wrap a TLS connection and not what it is made of. The
// result has the method NetConn, which returns the wrapped connection.
func (a *Auditor) Conn(of net.Conn) net.Conn {
	_, secure := of.(interface{ ConnectionState() tls.ConnectionState })
	c := &conn{Conn: of, of: a}
	c.talk.Open(&wire.Common{
		Origin: wire.OriginLive, Client: of.LocalAddr().String(), Backend: of.RemoteAddr().String(), ClientTLS: secure, BackendTLS: secure,
		NewID: func(time.Time) string { return rand.Text() }, Emit: a.audit.Observe, Pool: &a.pool, Counts: &a.counts,
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open[c] = true
	return c
}

// NetConn returns the wrapped connection.
func (c *conn) NetConn() net.Conn { return c.Conn }

// Read reads what the server sent.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	c.talk.Feed(wire.FromServer, p[:n], time.Now())
	c.talk.Wrote(wire.FromServer, n)
	ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) // the latter is TLS without close_notify
	if ended {
		c.talk.Ended(wire.FromServer, time.Now())
	}
	c.mu.Unlock()
	if err != nil && !ended && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, net.ErrClosed) {
		c.settle(wire.CauseServerReset)
	}
	return n, err
}

// Write sends what the client says. It is judged first, so that no answer is judged before its request.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.talk.Feed(wire.FromClient, p, time.Now())
	c.mu.Unlock()
	n, err := c.Conn.Write(p)
	c.talk.Wrote(wire.FromClient, n)
	return n, err
}

// Close closes the connection.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.settle(wire.CauseClient)
	return err
}

// settle judges what is left, because the connection has ended.
func (c *conn) settle(cause wire.Cause) {
	c.mu.Lock()
	c.talk.Settle(cause, time.Now())
	c.mu.Unlock()
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
}

// report judges what is known of an open tunnel.
func (c *conn) report() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if due := c.talk.Due(); c.talk.Switched() && !due.IsZero() {
		c.talk.Tick(due)
	}
}
