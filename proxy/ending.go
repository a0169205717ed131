package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// ended records that a direction ended on the side that is read: in good order, so that the other side is told so; or
// broken, so that the other side is broken too.
func (c *conn) ended(p *pump, err error) {
	if p.refused(err) {
		c.answerRefused(err)
		return
	}
	last := c.over(p.from, err) // before the other side can know of it, and end in turn
	switch {
	case errors.Is(err, io.EOF):
		if !last || p.dst.tls != nil { // else the connection is about to be closed, and that says it
			p.dst.finish(p.src.bare())
		}
	case !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded):
		p.dst.reset()
	}
}

// over records that a direction ended where it is read. It reports whether the other one had ended before.
func (c *conn) over(d wire.Direction, err error) (last bool) {
	if d == wire.FromClient {
		c.clientOver = true
	}
	if errors.Is(err, io.EOF) {
		c.mu.Lock()
		c.talk.Ended(d, time.Now())
		c.mu.Unlock()
	}
	return c.half(causeOf(d, err))
}

// broken records that a direction ended on the side that is written to.
func (c *conn) broken(p *pump, err error) {
	from := wire.FromClient
	if p.from == wire.FromClient {
		from = wire.FromServer
	}
	c.half(causeOf(from, err))
}

// half records that one direction carries nothing any more: the other one has limited time from here on. It tells
// whether that one had ended before.
func (c *conn) half(cause wire.Cause) (last bool) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if cause != "" {
		c.endLocked(cause)
	}
	c.lastByte.Store(int64(c.relay.moment(now)))
	last = c.halfClosed.Swap(true)
	c.arm(now)
	return last
}

// causeOf tells who ended a direction, by the error of the peer at its end; "" where we did so ourselves.
func causeOf(peer wire.Direction, err error) wire.Cause {
	switch {
	case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
		return ""
	case errors.Is(err, io.EOF) && peer == wire.FromClient:
		return wire.CauseClient
	case errors.Is(err, io.EOF):
		return wire.CauseServer
	case peer == wire.FromClient:
		return wire.CauseClientReset
	}
	return wire.CauseServerReset
}
