package proxy

import (
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// dial begins to connect to the backend, and sends the client's first bytes if that comes about at once.
func (l *lane) dial(first []byte) {
	c := l.conn
	at := int(c.to.next.Add(1)-1) % len(c.to.numeric)
	to := c.to.numeric[at]
	var address sockaddr
	address.set(to)
	fd, errno := connectSocket(&address)
	if errno != 0 {
		l.detour(first)
		return
	}
	c.claim(localEnd(fd), to)
	if len(c.to.numeric) > 1 {
		c.mu.Lock()
		c.common.Backend = c.to.Addresses[at]
		c.mu.Unlock()
	}
	l.legs[wire.FromServer].fd = int32(fd)
	if errno := l.carrier.watch(l, wire.FromServer); errno != 0 {
		c.disclaim()
		l.close(wire.FromServer)
		l.detour(first)
		return
	}
	n, errno := l.carrier.calls.write(l, wire.FromServer, first)
	switch errno {
	case 0, syscall.EINTR:
		l.stage = carrying
		l.wrote(wire.FromClient, max(n, 0))
	case syscall.EAGAIN:
		l.stage = dialling
		l.wait(wire.FromServer)
		c.dialled(time.Now())
	default:
		l.flow(wire.FromClient).pending = first
		l.undialled(errno)
		return
	}
	if n = max(n, 0); n < len(first) {
		l.flow(wire.FromClient).pending = append([]byte(nil), first[n:]...)
	}
}

// connected goes on when the connection to the backend has come about, or has not.
func (l *lane) connected() {
	if l.legs[wire.FromServer].full {
		return
	}
	f := l.flow(wire.FromClient)
	n, errno := l.carrier.calls.write(l, wire.FromServer, f.pending)
	switch errno {
	case 0:
	case syscall.EINTR:
		n = 0
	case syscall.EAGAIN:
		l.wait(wire.FromServer)
		return
	default:
		l.undialled(errno)
		return
	}
	l.conn.dialled(time.Time{})
	l.stage = carrying
	l.wrote(wire.FromClient, n)
	f.pending = f.pending[n:]
}

// dialled records when an attempt to connect began that takes time; the zero time: that is over.
func (c *conn) dialled(since time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.clock.dialling = 0; !since.IsZero() {
		c.clock.dialling = c.relay.moment(since)
		c.arm(since)
	}
}

// undialled leaves a connection to a goroutine whose backend was not reached. That tries all its addresses, unless the
// only one has had its time.
func (l *lane) undialled(err error) {
	c := l.conn
	c.disclaim()
	c.dialled(time.Time{})
	if errors.Is(err, os.ErrDeadlineExceeded) && len(c.to.numeric) == 1 && c.hasSpoken() {
		l.depart(func(up *pump) (carried bool) {
			c.answerDial(up, err)
			return false
		})
		return
	}
	l.detour(l.flow(wire.FromClient).pending)
}

// detour leaves a connection to the backend that cannot be made here to a goroutine. If the client has not spoken, there is
// nobody to tell yet: it is made once it has.
func (l *lane) detour(first []byte) {
	c := l.conn
	if c.hasSpoken() {
		l.goOnward(first)
		return
	}
	l.close(wire.FromServer)
	l.legs[wire.FromServer] = leg{fd: -1}
	l.stage = waiting
	c.mu.Lock()
	if l.told == toGiveUp {
		l.told = 0
	}
	c.mu.Unlock()
}

func (c *conn) hasSpoken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spoken
}
