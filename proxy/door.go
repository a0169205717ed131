package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A door stands in front of goproxy. It reads the first head of each connection as it is, so that no byte behind it is
// lost, and decides who carries the connection. It is the listener from which goproxy's server gets its share.
type door struct {
	relay  *Relay
	addr   net.Addr
	inner  chan net.Conn // unbuffered: a connection is handed over or it is not
	closed chan struct{}
	once   sync.Once
}

// Accept yields the next connection for goproxy.
func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.inner:
		return c, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (d *door) Close() error {
	d.once.Do(func() { close(d.closed) })
	return nil
}

// Addr is the address of the listener in front of the door.
func (d *door) Addr() net.Addr { return d.addr }

// enter takes a connection and returns when it is over. It owns client and its slot.
func (d *door) enter(ctx context.Context, client *net.TCPConn) {
	stop := context.AfterFunc(ctx, func() { client.SetReadDeadline(time.Unix(1, 0)) })
	head, rest, err := d.readHead(client)
	if !stop() || err != nil {
		if errors.Is(err, errNoHead) {
			if _, err := io.WriteString(client, localAnswer("400 Bad Request", err.Error())); err != nil {
				d.relay.Log.Debug().Err(err).Msg("client has gone")
			}
		}
		client.Close()
		d.relay.giveSlot()
		return
	}
	client.SetReadDeadline(time.Time{})
	q := wire.ReadRequest(head)
	if authority, ok := absoluteAuthority(q); ok && q.Has("Upgrade") {
		d.relayAbsolute(ctx, client, head, rest, authority)
		return
	}
	held := &heldConn{
		TCPConn: client, head: head, rest: rest, hold: q.Method == "CONNECT",
		wake: make(chan struct{}, 1), over: make(chan struct{}), slot: d.relay.giveSlot,
	}
	select {
	case d.inner <- held:
		<-held.over
	case <-d.closed:
		held.Close()
	}
}

// relayAbsolute carries a connection whose first request names the backend in its target and offers an upgrade.
func (d *door) relayAbsolute(ctx context.Context, client *net.TCPConn, head, rest []byte, authority string) {
	c := d.relay.newConn(client)
	c.prefix = append(append([]byte(nil), head...), rest...)
	c.alter("forward", originForm)
	if !d.relay.reachable(withPort(authority)) {
		d.refused(c.common.Client, authority)
		c.refusal = d.relay.scope(authority)
	}
	c.serve(ctx)
}

// errNoHead says that what a client sent is no request head.
var errNoHead = errors.New("what came is no HTTP/1 request: this is a proxy")

// readHead reads the first head of a connection, and what came behind it in the same segments.
func (d *door) readHead(client *net.TCPConn) (head, rest []byte, err error) {
	client.SetReadDeadline(time.Now().Add(d.relay.Limits.Head))
	scanner := wire.Scanner{Side: wire.FromClient, Pool: &d.relay.pool}
	defer scanner.Stop()
	buffer := d.relay.buffer()
	defer d.relay.buffers.Put(buffer)
	var h wire.Head
	for {
		n, err := client.Read(buffer[:])
		if err != nil {
			return nil, nil, err
		}
		taken, event := scanner.Scan(buffer[:n], &h)
		switch event {
		case wire.EventHead:
			return append([]byte(nil), h.Raw...), append([]byte(nil), buffer[taken:n]...), nil
		case wire.EventOpaque:
			return nil, nil, errNoHead
		}
	}
}

// absoluteAuthority is the authority in a target of absolute-form (RFC 9112 §3.2.2) with the scheme http.
func absoluteAuthority(q *wire.Request) (authority string, ok bool) {
	const scheme = "http://"
	if len(q.Target) < len(scheme) || !wire.EqualFold(q.Target[:len(scheme)], scheme) {
		return "", false
	}
	authority = q.Target[len(scheme):]
	if i := strings.IndexAny(authority, "/?#"); i >= 0 {
		authority = authority[:i]
	}
	return authority, true
}

// originForm is a head as it goes on from a proxy to the server: scheme and authority cut out of the target, the lines
// meant for the proxy removed, everything else as it was.
func originForm(head []byte) []byte {
	q := wire.ReadRequest(head)
	authority, ok := absoluteAuthority(q)
	if !ok {
		return append([]byte(nil), head...)
	}
	const scheme = "http://"
	target := q.Start.From + strings.Index(string(q.Text(q.Start)), q.Target)
	path := target + len(scheme) + len(authority)
	out := append([]byte(nil), head[:target]...)
	if path >= len(head) || head[path] != '/' {
		out = append(out, '/')
	}
	last := path
	for _, f := range q.Fields {
		const prefix = "Proxy-"
		if name := q.Text(f.Name); len(name) < len(prefix) || !wire.EqualFold(name[:len(prefix)], prefix) {
			continue
		}
		end := f.Value.To
		for end < len(head) && head[end-1] != '\n' {
			end++
		}
		out = append(out, head[last:f.Name.From]...)
		last = end
	}
	return append(out, head[last:]...)
}

// heldConn is a connection whose first head has been read already: that is what it yields first. Behind the head of a
// CONNECT it yields nothing, so that all that follows is still there for whoever takes it.
type heldConn struct {
	*net.TCPConn
	head, rest []byte
	hold       bool
	wake       chan struct{} // one token: a read that holds is to end
	over       chan struct{} // closed when nobody uses the connection any more
	once       sync.Once
	slot       func()
}

// Read yields the head, then, unless that is held back, what came and comes behind it.
func (c *heldConn) Read(p []byte) (int, error) {
	for _, part := range []*[]byte{&c.head, &c.rest} {
		if n := copy(p, *part); n > 0 && !(part == &c.rest && c.hold) {
			*part = (*part)[n:]
			return n, nil
		}
	}
	if !c.hold {
		return c.TCPConn.Read(p)
	}
	select {
	case <-c.wake:
		return 0, os.ErrDeadlineExceeded
	case <-c.over:
		return 0, net.ErrClosed
	}
}

// SetReadDeadline ends a read that holds, if the deadline has passed.
func (c *heldConn) SetReadDeadline(t time.Time) error {
	if c.hold && !t.IsZero() && !t.After(time.Now()) {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
	return c.TCPConn.SetReadDeadline(t)
}

// SetDeadline is as in net.Conn.
func (c *heldConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// Close ends the connection and gives its slot back, unless it was taken.
func (c *heldConn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = c.TCPConn.Close()
		c.slot()
		close(c.over)
	})
	return err
}

// take hands the connection over, with what came behind the head. Its slot goes with it. The taker calls done when the
// connection is over.
func (c *heldConn) take() (*net.TCPConn, []byte) {
	c.once.Do(func() {})
	c.TCPConn.SetDeadline(time.Time{})
	return c.TCPConn, c.rest
}

func (c *heldConn) done() { close(c.over) }
