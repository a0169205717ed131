package lab

import (
	"net"
	"sync"
)

// A listener records the connections that it accepted, hijacked or not, and closes them when it is
// closed.
type listener struct {
	net.Listener

	mu     sync.Mutex
	closed chan struct{} // closed by Close, under mu
	conns  map[*trackedConn]struct{}
}

// A trackedConn is a connection that its listener forgets when it is closed. CloseWrite and the
// fast paths of the TCP connection stay usable.
type trackedConn struct {
	*net.TCPConn
	listener *listener
}

func newListener(ln net.Listener) *listener {
	return &listener{Listener: ln, closed: make(chan struct{}), conns: make(map[*trackedConn]struct{})}
}

// Accept waits for the next connection. After Close it fails with net.ErrClosed.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	v := &trackedConn{TCPConn: conn.(*net.TCPConn), listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed() {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	l.conns[v] = struct{}{}
	return v, nil
}

// Close closes the listener and every connection that it accepted. Only the first call does
// anything.
func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed() {
		return nil
	}
	close(l.closed)
	err := l.Listener.Close()
	for v := range l.conns {
		_ = v.TCPConn.Close()
	}
	return err
}

// Close closes the connection, and the listener forgets it.
func (c *trackedConn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.conns, c)
	c.listener.mu.Unlock()
	return c.TCPConn.Close()
}

func (l *listener) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}
