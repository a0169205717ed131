package proxy

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A pump carries one direction. Its buffer is borrowed while the socket has something to read and given back when that is
// written, so a direction at rest holds none, and it never reads while it has unwritten bytes.
type pump struct {
	conn *conn
	from wire.Direction
	src  *side
	dst  *side

	in, out syscall.RawConn // of src and dst; nil for what is no socket of the system
	reading func(fd uintptr) bool
	writing func(fd uintptr) bool
	buffer  *[bufferSize]byte
	n       int // what the last read found, or what is written so far
	errno   syscall.Errno
	waited  bool   // the last read found nothing at first
	heard   bool   // something has come by readStream
	unsent  []byte // during a write, what is left of it
}

// open readies a pump whose source, and perhaps destination, is known.
func (p *pump) open() (err error) {
	if p.in == nil {
		if p.in, err = p.src.system(); err != nil {
			return err
		}
		p.reading = p.readOnce
	}
	if p.dst != nil {
		p.out, err = p.dst.system()
		p.writing = p.writeOnce
	}
	return err
}

// read waits for bytes. They are valid until release. At the end of the direction the error is io.EOF.
func (p *pump) read() ([]byte, error) {
	p.waited = false
	switch {
	case p.src.tls != nil:
		return p.readStream(p.src.tls)
	case p.in == nil:
		return p.readStream(p.src.socket)
	}
	err := p.in.Read(p.reading)
	switch {
	case err != nil:
	case p.errno != 0:
		err = p.errno
	case p.n == 0:
		err = io.EOF
	default:
		return p.buffer[:p.n], nil
	}
	p.release()
	return nil, err
}

// readStream waits for bytes inside TLS, or of a connection without system calls, with the buffer in hand.
func (p *pump) readStream(s io.Reader) ([]byte, error) {
	if p.buffer == nil {
		p.buffer = p.conn.relay.buffer()
	}
	n, err := s.Read(p.buffer[:])
	if n > 0 {
		p.heard = true
		return p.buffer[:n], nil // an error comes again
	}
	p.release()
	if err == nil {
		err = io.ErrNoProgress
	}
	return nil, err
}

// readOnce reads what is there. It is false if that is nothing.
func (p *pump) readOnce(fd uintptr) bool {
	if p.buffer == nil {
		p.buffer = p.conn.relay.buffer()
	}
	for {
		if p.n, p.errno = readSocket(fd, p.buffer[:]); p.errno != syscall.EINTR {
			break
		}
	}
	if p.errno == syscall.EAGAIN {
		p.waited = true
		p.release()
		return false
	}
	return true
}

// write writes all of b, or as much as it can.
func (p *pump) write(b []byte) (n int, err error) {
	if p.dst.tls != nil || p.out == nil {
		return p.dst.write(b)
	}
	p.unsent, p.n = b, 0
	err = p.out.Write(p.writing)
	p.unsent = nil
	if err == nil && p.errno != 0 {
		err = p.errno
	}
	return p.n, err
}

// writeOnce writes what the socket takes. It is false if something is left.
func (p *pump) writeOnce(fd uintptr) bool {
	for len(p.unsent) > 0 {
		var n int
		switch n, p.errno = writeSocket(fd, p.unsent); p.errno {
		case 0:
			p.n += n
			p.unsent = p.unsent[n:]
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			return true
		}
	}
	p.errno = 0
	return true
}

func (p *pump) release() {
	if p.buffer != nil {
		p.conn.relay.buffers.Put(p.buffer)
		p.buffer = nil
	}
}

func (r *Relay) buffer() *[bufferSize]byte {
	if b, ok := r.buffers.Get().(*[bufferSize]byte); ok {
		return b
	}
	return new([bufferSize]byte)
}

// pumpUp carries the client's bytes, the first of which are at hand, until the direction ends or becomes half of a tunnel.
// What it returns is handed out; nothing of the pump is in use by then.
func (c *conn) pumpUp(p *pump, first []byte) rest {
	defer p.release()
	b, out := first, c.edit(first)
	for {
		if n, err := p.write(out); err != nil {
			c.talk.Wrote(wire.FromClient, len(b)-len(out)+n)
			if c.handover.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
				return rest{pending: append(append([]byte(nil), out[n:]...), c.held()...)}
			}
			c.broken(p, err)
			return rest{ended: true}
		}
		c.passed(wire.FromClient, len(b))
		p.release()
		var err error
		if b, err = c.nextUp(p); err != nil {
			if c.handover.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
				return rest{pending: c.held()}
			}
			if held := c.held(); len(held) > 0 {
				if _, err := p.write(held); err != nil {
					c.broken(p, err)
					return rest{ended: true}
				}
			}
			c.ended(p, err)
			return rest{ended: true}
		}
		out = c.edit(b)
	}
}

// nextUp reads the client's next bytes and feeds them. Once the connection is closing they go nowhere.
func (c *conn) nextUp(p *pump) ([]byte, error) {
	for {
		if c.handover.Load() {
			return nil, os.ErrDeadlineExceeded
		}
		b, err := p.read()
		if err != nil {
			return nil, err
		}
		if _, closing := c.feed(wire.FromClient, b); !closing {
			return b, nil
		}
		p.release()
	}
}

// pumpDown carries the server's bytes until the direction ends. Behind a 101 it takes over the other direction too, and
// reports whether a carrier has both.
func (c *conn) pumpDown(p, up *pump) (carried bool) {
	defer p.release()
	for {
		b, err := p.read()
		if err != nil {
			c.ended(p, err)
			return false
		}
		switched, _ := c.feed(wire.FromServer, b)
		n, err := p.write(b)
		c.passed(wire.FromServer, n)
		p.release()
		if err != nil {
			c.broken(p, err)
		}
		if switched {
			t := &Tunnel{conn: c, pumps: [2]*pump{up, p}, rest: [2]rest{c.takeOver(), {ended: err != nil}}}
			if c.carriers.takeOver(t) {
				return true
			}
			Carry(t)
			return false
		}
		if err != nil {
			return false
		}
	}
}

// passed counts bytes that were written. A connection that is to end does so when the last byte that it owes is.
func (c *conn) passed(d wire.Direction, n int) {
	c.talk.Wrote(d, n)
	switch {
	case c.draining.Load():
		c.finishAtRest(wire.CauseDrain)
	case c.pumped != nil && c.named != nil && c.named.once:
		c.finishAtRest("")
	}
}

// takeOver makes the up pump stop, wherever it is, and returns what it had in hand.
func (c *conn) takeOver() rest {
	if !c.client.plain() || !c.backend.plain() {
		return rest{ended: true} // a write to TLS, say, cannot be broken off: the pump stays where it is
	}
	past := time.Unix(1, 0)
	c.handover.Store(true)
	c.client.SetReadDeadline(past)
	c.backend.SetWriteDeadline(past)
	left := <-c.handedOut
	c.client.SetReadDeadline(time.Time{})
	c.backend.SetWriteDeadline(time.Time{})
	return left
}
