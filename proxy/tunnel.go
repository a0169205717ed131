package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// When and how a tunnel is spliced: for a direction that has moved spliceFrom bytes without a pause, in portions of
// splicePortion bytes that may take at most spliceWait. So an idle tunnel holds no pipe, and counters advance.
const (
	spliceFrom    = 256 << 10
	splicePortion = 1 << 20
	spliceWait    = 250 * time.Millisecond
)

// A Tunnel is a connection behind a 101, at rest: nobody else reads or writes either side. Both arrays are by who speaks.
type Tunnel struct {
	conn  *conn
	pumps [2]*pump
	rest  [2]rest
}

// Carry is the sole owner of the tunnel until both directions have ended: it writes what was pending, carries both
// directions, shows their first bytes to the conversation and counts the rest.
func Carry(t *Tunnel) {
	var up sync.WaitGroup
	up.Go(func() { t.carry(wire.FromClient) })
	t.carry(wire.FromServer)
	up.Wait()
}

// carry carries one direction.
func (t *Tunnel) carry(d wire.Direction) {
	if t.rest[d].ended {
		return
	}
	c, p := t.conn, t.pumps[d]
	defer p.release()
	var last [wire.MaxNext]byte // how the last read began; nothing if it was spliced
	lasting := 0
	defer func() {
		if d == wire.FromServer {
			c.mu.Lock()
			c.talk.Last(last[:lasting])
			c.mu.Unlock()
		}
	}()
	b, streak := t.rest[d].pending, 0
	t.rest[d].pending = nil
	for {
		if len(b) > 0 {
			n, err := p.write(b)
			c.talk.Wrote(d, n)
			p.release()
			if err != nil {
				c.broken(p, err)
				return
			}
		}
		if streak >= spliceFrom && c.recorded[d] && p.src.plain() && p.dst.plain() {
			streak, lasting = 0, 0
			if err := t.splice(d, p); err != nil {
				c.ended(p, err)
				return
			}
		}
		var err error
		if b, err = p.read(); err != nil {
			c.ended(p, err)
			return
		}
		if p.waited {
			streak = 0
		}
		streak += len(b)
		lasting = copy(last[:], b)
		c.see(d, b)
	}
}

// see shows tunnel bytes to the conversation as long as they matter to it.
func (c *conn) see(d wire.Direction, b []byte) {
	now := time.Now()
	c.touch(now)
	if c.recorded[d] {
		return
	}
	c.mu.Lock()
	c.talk.Feed(d, b, now)
	c.recorded[d] = !c.talk.Recording(d)
	c.arm(now)
	c.mu.Unlock()
}

// splice moves portions inside the kernel until there is a pause. An error is that of the side that is read, as far as
// that can be told.
func (t *Tunnel) splice(d wire.Direction, p *pump) error {
	for {
		p.src.SetReadDeadline(time.Now().Add(spliceWait))
		n, err := io.CopyN(p.dst.socket, p.src.socket, splicePortion)
		t.conn.talk.Wrote(d, int(n))
		if n > 0 {
			t.conn.touch(time.Now())
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			p.src.SetReadDeadline(time.Time{})
			return nil
		case errors.Is(err, syscall.EPIPE):
			t.conn.broken(p, err)
			return net.ErrClosed
		}
		return err
	}
}
