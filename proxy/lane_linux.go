package proxy

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A lane is a connection in the hands of a carrier. Its own goroutine is the carrier's.
type lane struct {
	conn    *conn
	carrier *carrier
	slot    int32
	stage   stage
	tunnel  bool  // it is behind a 101
	queued  bool  // it is among the ready ones of the carrier
	told    order // the lock is that of the connection

	from  netip.AddrPort // the client, before there is a backend
	legs  [2]leg         // by who speaks there
	flows [2]flow        // by who speaks

	last    [wire.MaxNext]byte // how the last read from the server began
	lasting int                // how much of it that is; nothing if it was spliced
}

// A stage is how far a lane has come.
type stage uint8

const (
	waiting  stage = iota // for the client's first byte
	dialling              // the connection to the backend comes about
	carrying
	departed // nothing of it is the carrier's any more
)

// A leg is one of the two sockets of a lane.
type leg struct {
	fd       int32 // -1: closed, or none
	token    int32
	lane     *lane
	readable bool // it may have something to read
	drained  bool // a read that does not fill the buffer leaves nothing behind
	full     bool // it has taken no more, and has not said since that it would
	watched  bool // for room to write
}

// A flow is what one direction has under way.
type flow struct {
	pending []byte            // read, but not written; in buffer, or else its own
	buffer  *[bufferSize]byte // borrowed
	piped   int               // bytes in the pipe
	pipe    pipe
	streak  int   // bytes moved in large reads without a pause
	moved   int64 // when the last of them was, in nanoseconds
	over    bool  // it carries nothing any more
}

// turnReads is how many reads a lane does before others have their turn.
const turnReads = 8

// happened takes note of what epoll has reported of a leg, and goes on.
func (l *lane) happened(leg int, events uint32) {
	g := &l.legs[leg]
	const closing = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
	if events&(syscall.EPOLLIN|syscall.EPOLLPRI|closing) != 0 {
		g.readable = true
		g.drained = events&(syscall.EPOLLPRI|closing) == 0 // reads stop at an urgent byte, and before the end
	}
	if events&(watchWrite|closing) != 0 {
		g.full = false
	}
	l.goOn()
}

// goOn does what can be done without waiting.
func (l *lane) goOn() {
	switch l.stage {
	case waiting:
		l.begin()
	case dialling:
		l.connected()
	}
	if l.stage != carrying {
		return
	}
	more := l.carry(wire.FromClient)
	more = l.carry(wire.FromServer) || more
	if l.legs[wire.FromClient].fd < 0 { // since a moment ago
		l.carry(wire.FromClient)
	}
	if more {
		l.carrier.goOnLater(l)
	}
	if l.flows[0].over && l.flows[1].over && l.stage == carrying {
		l.end()
	}
}

// carry carries one direction as far as that goes. It is true if there may be more.
func (l *lane) carry(d wire.Direction) (more bool) {
	f, src := &l.flows[d], &l.legs[d]
	for range turnReads {
		switch {
		case f.over || !l.flush(d) || !src.readable:
			return false
		case f.streak < spliceFrom || !l.tunnel:
		case time.Now().UnixNano()-f.moved > int64(spliceWait):
			f.streak = 0
		case l.splice(d):
			continue
		}
		b, err := l.read(src)
		switch {
		case err != nil:
			l.ended(d, err)
			return false
		case b == nil:
			return false
		}
		if len(b) < len(l.carrier.buffer) {
			f.streak = 0
		} else if f.streak += len(b); f.streak >= spliceFrom {
			f.moved = time.Now().UnixNano()
		}
		l.pass(d, b)
	}
	return !f.over
}

// read reads what is there into the carrier's buffer; nil if that is nothing. At the end the error is io.EOF.
func (l *lane) read(g *leg) ([]byte, error) {
	if g.fd < 0 {
		return nil, net.ErrClosed
	}
	for {
		k := l.carrier
		n, errno := k.calls.read(g, k.buffer[:])
		switch {
		case errno == syscall.EINTR:
			continue
		case errno == syscall.EAGAIN:
			g.readable = false
			return nil, nil
		case errno != 0:
			return nil, errno
		case n == 0:
			return nil, io.EOF
		}
		g.readable = n == len(k.buffer) || !g.drained
		return k.buffer[:n], nil
	}
}

// pass shows what was read to the conversation, and writes it.
func (l *lane) pass(d wire.Direction, b []byte) {
	c := l.conn
	if l.tunnel {
		if d == wire.FromServer {
			l.lasting = copy(l.last[:], b)
		}
		c.see(d, b)
	} else {
		switched, closing := c.feed(d, b)
		if closing && d == wire.FromClient {
			return
		}
		l.tunnel = switched
	}
	n := l.write(d, b)
	if l.flows[d].over || n == len(b) {
		return
	}
	f := &l.flows[d]
	f.buffer = l.carrier.relay.buffer()
	f.pending = f.buffer[:copy(f.buffer[:], b[n:])]
}

// write writes as much of b as the socket takes. If that breaks, the direction is over.
func (l *lane) write(d wire.Direction, b []byte) (n int) {
	g := &l.legs[1-d]
	if g.fd < 0 {
		l.broken(d, net.ErrClosed)
		return 0
	}
	for n < len(b) {
		m, errno := l.carrier.calls.write(g, b[n:])
		switch errno {
		case 0:
			n += m
			continue
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			l.wait(g)
		default:
			l.broken(d, errno)
		}
		break
	}
	l.wrote(d, n)
	return n
}

// wrote counts.
func (l *lane) wrote(d wire.Direction, n int) {
	if l.tunnel {
		l.conn.talk.Wrote(d, n)
	} else {
		l.conn.passed(d, n)
	}
}

// wait has the carrier woken when a leg takes more.
func (l *lane) wait(g *leg) {
	if g.full = true; !g.watched {
		g.watched = true
		_ = l.carrier.epoll.watch(syscall.EPOLL_CTL_MOD, int(g.fd), g.token, watchRead|watchWrite)
	}
}

// flush writes what is left of what was read. It is true when nothing is.
func (l *lane) flush(d wire.Direction) bool {
	f := &l.flows[d]
	if len(f.pending) == 0 && f.piped == 0 {
		return true
	}
	if l.legs[1-d].full {
		return false
	}
	if len(f.pending) > 0 {
		f.pending = f.pending[l.write(d, f.pending):]
		if len(f.pending) == 0 {
			l.release(f)
		}
	}
	if f.piped > 0 {
		l.drain(d)
	}
	return !f.over && len(f.pending) == 0 && f.piped == 0
}

// release gives back what a flow has borrowed.
func (l *lane) release(f *flow) {
	f.pending = nil
	if f.buffer != nil {
		l.carrier.relay.buffers.Put(f.buffer)
		f.buffer = nil
	}
}

// ended takes note that a direction ended on the leg that is read, as (*conn).ended does for a pump.
func (l *lane) ended(d wire.Direction, err error) {
	l.flows[d].over = true
	last := l.conn.over(d, err)
	switch g := &l.legs[1-d]; {
	case errors.Is(err, io.EOF):
		if !last && g.fd >= 0 {
			finishSocket(int(g.fd))
		}
	case !errors.Is(err, net.ErrClosed):
		if g.fd >= 0 {
			resetSocket(int(g.fd))
		}
		g.fd, g.readable, g.full = -1, true, false // the other direction sees it
	}
}

// broken takes note that a direction ended on the leg that is written to.
func (l *lane) broken(d wire.Direction, err error) {
	l.flows[d].over = true
	l.conn.half(causeOf(1-d, err))
}

// end ends a lane that carries nothing any more.
func (l *lane) end() {
	c := l.conn
	if l.tunnel {
		c.mu.Lock()
		c.talk.Last(l.last[:l.lasting])
		c.mu.Unlock()
	}
	l.close(wire.FromServer)
	if !c.clientOver && l.legs[wire.FromClient].fd >= 0 {
		l.depart(func(up *pump) (carried bool) {
			c.linger(up)
			return false
		})
		return
	}
	l.leave()
}

// leave closes what is open and lets go of the connection, which is over.
func (l *lane) leave() {
	l.close(wire.FromClient)
	l.close(wire.FromServer)
	l.empty()
	l.conn.leave()
	l.carrier.lanes.running.Done()
}

func (l *lane) close(leg wire.Direction) {
	if g := &l.legs[leg]; g.fd >= 0 {
		closeSocket(int(g.fd))
		g.fd = -1
	}
}

// empty gives back all that the lane has of the carrier.
func (l *lane) empty() {
	for i := range l.flows {
		l.release(&l.flows[i])
		l.dropPipe(&l.flows[i])
	}
	l.carrier.remove(l)
	l.stage = departed
}

// depart gives the client's socket to a goroutine of its own, which goes on with the connection. The backend's is closed.
func (l *lane) depart(then func(up *pump) (carried bool)) {
	c, g := l.conn, &l.legs[wire.FromClient]
	client, err := unwatched(l.carrier, int(g.fd))
	g.fd = -1
	l.close(wire.FromServer)
	l.empty()
	c.mu.Lock()
	c.lane = nil
	if err == nil {
		c.client, c.handedOut = cleartext(client), make(chan rest, 1)
		if l.told == toClose {
			client.Close()
		}
	} else {
		c.endLocked(wire.CauseLimit)
	}
	c.mu.Unlock()
	go c.proceed(then)
}

// unwatched makes a connection of package net of a socket. Its descriptor is closed, whatever happens.
func unwatched(k *carrier, fd int) (*net.TCPConn, error) {
	_ = k.epoll.watch(syscall.EPOLL_CTL_DEL, fd, 0, 0)
	file := os.NewFile(uintptr(fd), "client")
	defer file.Close()
	client, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	return client.(*net.TCPConn), nil
}

// proceed goes on with a connection that was a lane.
func (c *conn) proceed(then func(up *pump) (carried bool)) {
	defer c.carriers.running.Done()
	if c.client != nil {
		up := pump{conn: c, from: wire.FromClient, src: c.client}
		if err := up.open(); err == nil && then(&up) {
			return
		}
	}
	c.leave()
}

// tell has the carrier do something to the lane. The lock of the connection is held.
func (l *lane) tell(what order) {
	l.told = max(l.told, what)
	l.carrier.post(l)
}

// obey does what the lane was told; if that is nothing, it goes on.
func (l *lane) obey() {
	if l.stage == departed {
		return
	}
	c := l.conn
	c.mu.Lock()
	told := l.told
	c.mu.Unlock()
	switch {
	case told == toClose:
		c.clientOver = true
		fallthrough
	case told == toFinish:
		l.flows[wire.FromClient].over, l.flows[wire.FromServer].over = true, true
		l.end()
	case told == toGiveUp && l.stage == dialling:
		l.undialled(os.ErrDeadlineExceeded)
	default:
		l.goOn()
	}
}
