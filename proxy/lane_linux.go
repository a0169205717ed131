package proxy

import (
	"io"
	"net"
	"os"
	"syscall"

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
	prompt  bool  // the socket to the backend does not delay
	tried   bool  // to dial before the client's first byte
	told    order // the lock is that of the connection

	legs    [2]leg              // by who speaks there
	flows   [2]*flow            // by who speaks; nil: the direction is at rest, or over
	over    [2]bool             // the direction carries nothing any more
	lasting uint8               // how much of last counts; nothing if what came last was spliced
	last    *[wire.MaxNext]byte // how the last read from the server began; nil while the conversation records it
	arrived claim               // the client's connection
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
	readable bool  // it may have something to read
	drained  bool  // a read that does not fill the buffer leaves nothing behind
	full     bool  // it has taken no more, and has not said since that it would
	watched  bool  // for room to write
}

// turnReads is how many reads a lane does before others have their turn.
const turnReads = 8

// happened records what epoll has reported of a leg, and goes on.
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
	if l.stage == dialling {
		l.connected()
	}
	if l.stage == waiting {
		l.begin()
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
	l.giveBack(wire.FromClient)
	l.giveBack(wire.FromServer)
	if l.over[0] && l.over[1] && l.stage == carrying {
		l.end()
	}
}

// carry carries one direction as far as that goes. It is true if there may be more.
func (l *lane) carry(d wire.Direction) (more bool) {
	src := &l.legs[d]
	for range turnReads {
		switch {
		case l.over[d] || !l.flush(d) || !src.readable:
			return false
		case l.striding(d) && l.splice(d):
			continue
		}
		b, err := l.read(d)
		switch {
		case err != nil:
			l.ended(d, err)
			return false
		case b == nil:
			return false
		}
		l.pass(d, b)
	}
	return !l.over[d]
}

// read reads what is there into the carrier's buffer; nil if that is nothing. At the end the error is io.EOF.
func (l *lane) read(d wire.Direction) ([]byte, error) {
	g := &l.legs[d]
	if g.fd < 0 {
		return nil, net.ErrClosed
	}
	for {
		k := l.carrier
		n, errno := k.calls.read(l, d, k.buffer[:])
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
		if c.see(d, b); d == wire.FromServer && c.recorded[d] {
			l.keep(b)
		}
	} else {
		switched, closing := c.feed(d, b)
		if closing && d == wire.FromClient {
			return
		}
		l.tunnel = switched
	}
	l.stride(d, len(b))
	n := l.write(d, b)
	if l.over[d] || n == len(b) {
		return
	}
	f := l.flow(d)
	f.buffer = l.carrier.relay.buffer()
	f.pending = f.buffer[:copy(f.buffer[:], b[n:])]
}

// keep keeps how the last read from the server began.
func (l *lane) keep(b []byte) {
	if l.last == nil {
		l.last = new([wire.MaxNext]byte)
	}
	l.lasting = uint8(copy(l.last[:], b))
}

// write writes as much of b as the socket takes. If that breaks, the direction is over.
func (l *lane) write(d wire.Direction, b []byte) (n int) {
	if l.legs[1-d].fd < 0 {
		l.broken(d, net.ErrClosed)
		return 0
	}
	l.hurry(d)
	for n < len(b) {
		m, errno := l.carrier.calls.write(l, 1-d, b[n:])
		switch errno {
		case 0:
			n += m
			continue
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			l.wait(1 - d)
		default:
			l.broken(d, errno)
		}
		break
	}
	l.wrote(d, n)
	return n
}

// hurry has what goes to the backend behind the first write not wait until that is acknowledged (RFC 9293 §3.7.4).
func (l *lane) hurry(d wire.Direction) {
	if d == wire.FromClient && !l.prompt {
		l.prompt = true
		setOption(uintptr(l.legs[wire.FromServer].fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	}
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
func (l *lane) wait(at wire.Direction) {
	g := &l.legs[at]
	if g.full = true; !g.watched {
		g.watched = true
		_ = l.carrier.epoll.watch(syscall.EPOLL_CTL_MOD, int(g.fd), l.token(at), watchRead|watchWrite)
	}
}

// token is what epoll calls a leg.
func (l *lane) token(at wire.Direction) int32 { return l.slot<<1 | int32(at) }

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
		l.over = [2]bool{true, true}
		l.end()
	case told == toGiveUp && l.stage == dialling:
		l.undialled(os.ErrDeadlineExceeded)
		l.goOn()
	default:
		l.goOn()
	}
}
