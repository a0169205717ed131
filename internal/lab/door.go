package lab

import (
	"net"
	"sync"
)

// A door is a listener that knows the connections it let in, taken over or not, and closes them when it is closed.
type door struct {
	net.Listener

	mu     sync.Mutex
	shut   chan struct{} // closed by Close, under mu
	inside map[*visitor]struct{}
}

// A visitor is a connection that tells its door when it leaves. CloseWrite and the fast paths of the TCP connection
// stay usable.
type visitor struct {
	*net.TCPConn
	door *door
}

func newDoor(ln net.Listener) *door {
	return &door{Listener: ln, shut: make(chan struct{}), inside: make(map[*visitor]struct{})}
}

// Accept waits for the next connection. Behind Close it fails with net.ErrClosed.
func (d *door) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	v := &visitor{TCPConn: conn.(*net.TCPConn), door: d}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isShut() {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	d.inside[v] = struct{}{}
	return v, nil
}

// Close closes the listener and every connection that came through it. Only the first call does anything.
func (d *door) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isShut() {
		return nil
	}
	close(d.shut)
	err := d.Listener.Close()
	for v := range d.inside {
		_ = v.TCPConn.Close()
	}
	return err
}

// Close closes the connection and takes it off the door's list.
func (v *visitor) Close() error {
	v.door.mu.Lock()
	delete(v.door.inside, v)
	v.door.mu.Unlock()
	return v.TCPConn.Close()
}

func (d *door) isShut() bool {
	select {
	case <-d.shut:
		return true
	default:
		return false
	}
}
