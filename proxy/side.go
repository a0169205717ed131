package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
)

// A socket is a connection of the system: TCP, or a unix socket.
type socket interface {
	net.Conn
	syscall.Conn
	CloseWrite() error
}

// A side is one side of what a relay carries: a socket, or TLS over one. Deadlines are those of the socket, and so is
// Close, which says nothing to the peer that TCP does not.
type side struct {
	socket
	tls *tls.Conn // nil: cleartext
	raw *noting   // below tls
}

func cleartext(s socket) *side { return &side{socket: s} }

// noting is a socket below TLS. It takes note of how the peer ended it: TLS itself takes a FIN for a close_notify.
type noting struct {
	socket
	ended  atomic.Bool // by a FIN
	prefix []byte      // what was read already; it comes first
	seen   []byte      // what was read, while it may still have to go elsewhere; at most maxHello
	passed bool        // it does: nothing is said to the peer here

	host    string                // what the peer has asked for before TLS began; empty: nothing
	passH2  func(sni string) bool // as in Listener
	wantsH2 bool                  // the peer would speak HTTP/2
}

// maxHello is how much of a TLS handshake is kept to be passed on, in bytes.
const maxHello = 64 << 10

// Write is that of the socket, unless somebody else answers the peer.
func (n *noting) Write(p []byte) (int, error) {
	if n.passed {
		return len(p), nil
	}
	return n.socket.Write(p)
}

func (n *noting) keep(p []byte) {
	if n.seen != nil && len(n.seen)+len(p) <= maxHello {
		n.seen = append(n.seen, p...)
	}
}

// Read is that of the socket.
func (n *noting) Read(p []byte) (int, error) {
	if len(n.prefix) > 0 {
		count := copy(p, n.prefix)
		n.prefix = n.prefix[count:]
		n.keep(p[:count])
		return count, nil
	}
	count, err := n.socket.Read(p)
	n.keep(p[:count])
	if errors.Is(err, io.EOF) {
		n.ended.Store(true)
	}
	return count, err
}

// write writes all of b, whatever is between here and the socket.
func (s *side) write(b []byte) (int, error) {
	if s.tls != nil {
		return s.tls.Write(b)
	}
	return s.socket.Write(b)
}

// finish tells the peer that nothing more comes: by a close_notify (RFC 8446 §6.1) where TLS is spoken, unless bare, as
// the other side has ended without one.
func (s *side) finish(bare bool) {
	if s.tls != nil && !bare {
		_ = s.tls.CloseWrite() // a peer that is gone needs no end
		return
	}
	_ = s.socket.CloseWrite()
}

// bare tells whether the peer has ended TLS by a FIN alone.
func (s *side) bare() bool { return s.tls != nil && s.raw.ended.Load() }

// reset ends the connection so that the peer knows that something broke.
func (s *side) reset() {
	if l, ok := s.socket.(interface{ SetLinger(sec int) error }); ok {
		_ = l.SetLinger(0) // a socket that is closed has been reset already
	}
	s.socket.Close()
}
