package proxy

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// When and how a direction is spliced: once it has moved spliceFrom bytes without a pause, in
// portions of splicePortion bytes that may take at most spliceWait. So an idle tunnel holds no
// pipe, and counters advance.
const (
	spliceFrom    = 256 << 10
	splicePortion = 1 << 20
	spliceWait    = 250 * time.Millisecond
)

// A copier reads and writes for one direction of a goConn. Its buffer is borrowed while the socket
// has something to read and given back when that is written, so a direction at rest holds none.
type copier struct {
	relay *Relay
	from  wire.Direction
	src   *side
	dst   *side
	most  int64 // how many of the bytes that come next the session need not see

	in      syscall.RawConn // of src; nil for what is not a socket of the system
	out     rawWriter       // of dst, likewise
	reading func(fd uintptr) bool
	buffer  *[bufferSize]byte
	n       int // what the last read found
	errno   syscall.Errno
	streak  int  // bytes that were read without a pause
	heard   bool // something has come by readStream or readTLS
	inside  tlsReading
}

// read waits for bytes. They are valid until release. At the end of the direction the error is
// io.EOF.
func (c *copier) read() ([]byte, error) {
	if c.in == nil {
		c.in, c.reading = c.src.system(), c.readOnce
		if c.src.tls != nil {
			c.reading = c.readSealed
		}
	}
	switch {
	case c.src.tls != nil:
		return c.readTLS()
	case c.in == nil:
		return c.readStream(c.src.socket)
	}
	err := c.in.Read(c.reading)
	switch {
	case err != nil:
	case c.errno != 0:
		err = c.errno
	case c.n == 0:
		err = io.EOF
	default:
		c.streak += c.n
		return c.buffer[:c.n], nil
	}
	c.release()
	return nil, err
}

// readStream waits for bytes of a connection without system calls, with the buffer in hand.
func (c *copier) readStream(s io.Reader) ([]byte, error) {
	if c.buffer == nil {
		c.buffer = c.relay.buffers.get()
	}
	n, err := s.Read(c.buffer[:])
	if n > 0 {
		c.heard = true
		return c.buffer[:n], nil // an error comes again
	}
	c.release()
	if err == nil {
		err = io.ErrNoProgress
	}
	return nil, err
}

// readOnce reads what is there. It is false if that is nothing.
func (c *copier) readOnce(fd uintptr) bool {
	if c.buffer == nil {
		c.buffer = c.relay.buffers.get()
	}
	for {
		if c.n, c.errno = readSocket(fd, c.buffer[:]); c.errno != syscall.EINTR {
			break
		}
	}
	if c.errno == syscall.EAGAIN {
		c.streak = 0
		c.release()
		return false
	}
	return true
}

// write writes all of b, or as much as it can.
func (c *copier) write(b []byte) (n int, err error) {
	if c.out.socket == nil {
		c.out.socket = c.dst.system()
	}
	if c.dst.tls != nil || c.out.socket == nil {
		return c.dst.write(b)
	}
	return c.out.write(b)
}

// A rawWriter writes to a socket by system calls.
type rawWriter struct {
	socket  syscall.RawConn
	writing func(fd uintptr) bool // once; the same each time, as it is allocated
	unsent  []byte                // during a write, what is left of it
	n       int
	errno   syscall.Errno
}

// write writes all of b, or as much as it can.
func (w *rawWriter) write(b []byte) (n int, err error) {
	if w.writing == nil {
		w.writing = w.once
	}
	w.unsent, w.n = b, 0
	err = w.socket.Write(w.writing)
	w.unsent = nil
	if err == nil && w.errno != 0 {
		err = w.errno
	}
	return w.n, err
}

// once writes what the socket takes. It is false if something is left.
func (w *rawWriter) once(fd uintptr) bool {
	for len(w.unsent) > 0 {
		var n int
		switch n, w.errno = writeSocket(fd, w.unsent); w.errno {
		case 0:
			w.n += n
			w.unsent = w.unsent[n:]
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			return true
		}
	}
	w.errno = 0
	return true
}

// splices reports whether so much has come that it is worth while to splice what follows.
func (c *copier) splices() bool {
	return c.streak >= spliceFrom && c.most >= spliceFrom && c.src.plain() && c.dst.plain()
}

// splice moves a portion. The deadline of src is set afterwards.
func (c *copier) splice() (int64, error) {
	c.streak = 0
	c.src.SetReadDeadline(time.Now().Add(spliceWait))
	return io.CopyN(c.dst.socket, c.src.socket, min(c.most, splicePortion))
}

// isBrokenPipe reports whether a splice has failed at the side that it writes to, as far as that
// can be told.
func isBrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }

func (c *copier) release() {
	if c.buffer != nil {
		c.relay.buffers.put(c.buffer)
		c.buffer = nil
	}
}

// asRefusal is the error as a tlsRefusal if the backend's first word inside TLS is an alert. In TLS
// 1.3 that is how it says that it does not take the certificate that it was shown: for us the
// handshake is over before it looks at that (RFC 8446 §4.4.2.4).
func (c *copier) asRefusal(err error) error {
	var alert *net.OpError
	if c.from == wire.FromServer && c.src.tls != nil && !c.heard && errors.As(err, &alert) && alert.Op == "remote error" {
		return &tlsRefusal{alert.Err}
	}
	return err
}

// A tlsRefusal says why the backend refuses our TLS.
type tlsRefusal struct{ alert error }

// Error says so.
func (e *tlsRefusal) Error() string { return "it refuses our TLS: " + e.alert.Error() }
