package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
)

// A socket is a connection whose directions end on their own: one of the system, or a [wrapped]
// one.
type socket interface {
	net.Conn
	CloseWrite() error
}

// asSocket is what a listener has accepted. Only the types of package net are used by system calls:
// what embeds one of them may mean something else by Read.
func asSocket(c net.Conn) socket {
	switch c := c.(type) {
	case *net.TCPConn:
		return c
	case *net.UnixConn:
		return c
	}
	return &wrapped{Conn: c}
}

// A wrapped is a connection from a listener that is not one of the system's, such as net.Pipe, or
// one that counts.
type wrapped struct {
	net.Conn
	closed atomic.Bool
}

// CloseWrite ends the direction that we write. Where that cannot be done alone, it ends the other
// one with it.
func (w *wrapped) CloseWrite() error {
	if half, ok := w.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return w.Close()
}

// Close records that it was we who closed: what Read says then differs between types.
func (w *wrapped) Close() error {
	w.closed.Store(true)
	return w.Conn.Close()
}

// Read is that of the connection.
func (w *wrapped) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	return n, w.asClosed(err)
}

// Write is that of the connection.
func (w *wrapped) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	return n, w.asClosed(err)
}

func (w *wrapped) asClosed(err error) error {
	if err != nil && w.closed.Load() {
		return net.ErrClosed
	}
	return err
}

// A side is one side of what a relay carries: a socket, or TLS over one. Deadlines are those of the
// socket, and so is Close, which says nothing to the peer that TCP does not.
type side struct {
	socket
	tls *tls.Conn  // nil: cleartext
	raw *tlsSocket // below tls
}

func cleartext(s socket) *side { return &side{socket: s} }

// system is the socket for system calls; nil if it has none.
func (s *side) system() syscall.RawConn { return systemOf(s.socket) }

func systemOf(s socket) syscall.RawConn {
	if c, ok := s.(syscall.Conn); ok && rawSockets {
		if raw, err := c.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// plain reports whether bytes pass between here and a socket of the system as they are.
func (s *side) plain() bool {
	_, system := s.socket.(syscall.Conn)
	return system && s.tls == nil
}

// A tlsSocket is a socket below TLS. It records how the peer ended it: TLS itself takes a FIN for a
// close_notify.
type tlsSocket struct {
	socket
	ended  atomic.Bool // by a FIN
	prefix []byte      // what was read already; it comes first
	seen   []byte      // what was read, while it may still have to go elsewhere; at most maxHello
	passed bool        // it does: nothing is said to the peer here
	dry    bool        // nothing is read now: only what has been read already is to be had
	out    rawWriter
	last   lastFlight

	host    string                                     // what the peer has asked for before TLS began; empty: nothing
	agree   func(*tls.ClientHelloInfo) (string, error) // which protocol a peer gets that would speak HTTP/2; nil: HTTP/1.1
	wantsH2 bool                                       // the peer would
	onlyH2  bool                                       // and it is offered HTTP/1.1, which it does not take
}

// maxHello is how much of a TLS handshake is kept to be passed on, in bytes.
const maxHello = 64 << 10

// Write is that of the socket, unless somebody else answers the peer.
func (t *tlsSocket) Write(p []byte) (int, error) {
	if t.passed || t.last.add(p) {
		return len(p), nil
	}
	before := t.last.take()
	if len(before) == 0 {
		return t.send(p)
	}
	n, err := t.send(append(before, p...))
	return max(0, n-len(before)), err
}

// send is Write of the socket.
func (t *tlsSocket) send(p []byte) (int, error) {
	if t.out.socket == nil {
		t.out.socket = systemOf(t.socket)
	}
	if t.out.socket == nil {
		return t.socket.Write(p)
	}
	return t.out.write(p)
}

func (t *tlsSocket) keep(p []byte) {
	if t.seen != nil && len(t.seen)+len(p) <= maxHello {
		t.seen = append(t.seen, p...)
	}
}

// Read is that of the socket.
func (t *tlsSocket) Read(p []byte) (int, error) {
	switch {
	case len(t.prefix) > 0:
		count := copy(p, t.prefix)
		t.prefix = t.prefix[count:]
		t.keep(p[:count])
		return count, nil
	case t.ended.Load():
		return 0, io.EOF
	case t.dry:
		return 0, os.ErrDeadlineExceeded // TLS goes on after it
	case t.last.holding:
		if err := t.flush(); err != nil { // the peer answers that
			return 0, err
		}
	}
	count, err := t.socket.Read(p)
	t.keep(p[:count])
	if errors.Is(err, io.EOF) {
		t.ended.Store(true)
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

// finish tells the peer that nothing more comes: by a close_notify (RFC 8446 §6.1) where TLS is
// spoken, unless bare, as the other side has ended without one.
func (s *side) finish(bare bool) {
	if s.tls != nil && !bare {
		_ = s.tls.CloseWrite() // a peer that is gone needs no end
		return
	}
	_ = s.socket.CloseWrite()
}

// bare reports whether the peer has ended TLS by a FIN alone.
func (s *side) bare() bool { return s.tls != nil && s.raw.ended.Load() }

// reset ends the connection so that the peer knows that something broke.
func (s *side) reset() {
	if l, ok := s.socket.(interface{ SetLinger(sec int) error }); ok {
		_ = l.SetLinger(0) // a socket that is closed has been reset already
	}
	s.socket.Close()
}
