package proxy

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// firstBytes is how much memory a direction holds inside TLS while it waits for a socket that is not one of the system.
const firstBytes = 64

// A tlsReading is how far a copier has read inside TLS. While a direction waits, it holds neither what is sealed nor what
// is not, and few frames of its stack are in use.
type tlsReading struct {
	sealed  *[bufferSize]byte // what the socket had, borrowed until TLS has read it
	drained bool              // TLS has nothing more that could be read without the socket
	first   []byte            // what is read into while nothing has come, where sealed is not used
}

// readTLS waits for bytes inside TLS, and returns all that is there.
func (c *copier) readTLS() ([]byte, error) {
	if c.in == nil {
		return c.readTLSStream()
	}
	for {
		if c.inside.drained {
			if err := c.waitSealed(); err != nil {
				return nil, err
			}
		}
		if n, err := c.open(); n > 0 || err != nil {
			return c.opened(n, err)
		}
	}
}

// waitSealed waits for bytes of the socket, and hands them to TLS. At their end there are none, which TLS finds out
// by itself.
func (c *copier) waitSealed() error {
	err := c.in.Read(c.reading)
	if err == nil && c.errno != 0 {
		err = c.errno
	}
	if err != nil {
		c.unseal()
		return err
	}
	c.inside.drained = false
	c.src.raw.prefix = c.inside.sealed[:c.n]
	c.src.raw.ended.Store(c.n == 0)
	return nil
}

// readSealed reads what is there. It is false if that is nothing.
func (c *copier) readSealed(fd uintptr) bool {
	if c.inside.sealed == nil {
		c.inside.sealed = c.relay.buffers.get()
	}
	for {
		if c.n, c.errno = readSocket(fd, c.inside.sealed[:]); c.errno != syscall.EINTR {
			break
		}
	}
	if c.errno == syscall.EAGAIN {
		c.unseal()
		return false
	}
	return true
}

// open reads inside TLS without waiting, until there is nothing more or the buffer is full.
func (c *copier) open() (n int, err error) {
	if c.buffer == nil {
		c.buffer = c.relay.buffers.get()
	}
	raw := c.src.raw
	raw.dry = true
	for n < len(c.buffer) && err == nil {
		var more int
		more, err = c.src.tls.Read(c.buffer[n:])
		n += more
	}
	raw.dry = false
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
		c.inside.drained = true
		c.unseal()
	}
	return n, err
}

// opened returns bytes that TLS had, or the error after them. One that comes after bytes comes again.
func (c *copier) opened(n int, err error) ([]byte, error) {
	if n == 0 {
		c.release()
		c.unseal()
		return nil, err
	}
	c.heard = true
	return c.buffer[:n], nil
}

func (c *copier) unseal() {
	if c.inside.sealed != nil {
		c.src.raw.prefix = nil
		c.relay.buffers.put(c.inside.sealed)
		c.inside.sealed = nil
	}
}

// readTLSStream is readTLS over a connection without system calls.
func (c *copier) readTLSStream() ([]byte, error) {
	if c.inside.first == nil {
		c.inside.first = make([]byte, firstBytes)
	}
	n, err := c.src.tls.Read(c.inside.first)
	if n == 0 {
		if err == nil {
			err = io.ErrNoProgress
		}
		return nil, err // one that comes after bytes comes again
	}
	c.heard = true
	if c.buffer == nil {
		c.buffer = c.relay.buffers.get()
	}
	copy(c.buffer[:], c.inside.first[:n])
	c.src.raw.dry = true
	defer func() { c.src.raw.dry = false }()
	for n < len(c.buffer) {
		more, _ := c.src.tls.Read(c.buffer[n:])
		if n += more; more == 0 {
			break
		}
	}
	return c.buffer[:n], nil
}
