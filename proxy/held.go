package proxy

import (
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// heldConn is a connection whose first head has been read already: that is what it yields first.
// After the head of a CONNECT it yields nothing, so that all that follows is still there for
// the one who takes it.
type heldConn struct {
	socket
	head, rest []byte
	target     *forwardTarget // where its request goes; nil: to the listener itself
	hold       bool
	wake       chan struct{} // one token: a read that holds is to end
	over       chan struct{} // closed when nothing uses the connection any more
	served     chan struct{} // closed when the server that it was handed to has left it
	once       sync.Once
	slot       func()
}

// Read yields the head, then, unless that is held back, what came and comes after it.
func (c *heldConn) Read(p []byte) (int, error) {
	for _, part := range []*[]byte{&c.head, &c.rest} {
		if n := copy(p, *part); n > 0 && !(part == &c.rest && c.hold) {
			*part = (*part)[n:]
			return n, nil
		}
	}
	if !c.hold {
		return c.socket.Read(p)
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
	return c.socket.SetReadDeadline(t)
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
		err = c.socket.Close()
		c.slot()
		close(c.over)
	})
	return err
}

// take hands the connection over, with what came after the head. Its slot goes with it. The taker
// calls done when the connection is over.
func (c *heldConn) take() (socket, []byte) {
	c.once.Do(func() {})
	c.socket.SetDeadline(time.Time{})
	return c.socket, c.rest
}

func (c *heldConn) done() { close(c.over) }

// leave records that the server of goproxy does nothing with a connection any more.
func leave(c net.Conn, state http.ConnState) {
	if held, ok := c.(*heldConn); ok && (state == http.StateClosed || state == http.StateHijacked) {
		close(held.served)
	}
}
