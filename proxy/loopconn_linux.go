package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A loopConn is a connection that an event loop drives, from its first byte to its end. It belongs
// to the goroutine of the loop.
type loopConn struct {
	conn
	loop  *eventLoop
	slot  int32
	alarm int32 // its place among the alarms of the loop, from one; 0: it has none; the lock is that of the loop
	told  order // likewise

	ends      [2]loopSocket // by who speaks there
	transfers [2]*transfer  // by who speaks; nil: the direction is at rest
	away      *attempt      // to connect, by a goroutine; nil: there is none

	preface    int32 // how many bytes of our own go to the backend first
	connecting bool  // the socket to the backend is not connected yet
	prompt     bool  // the socket to the backend does not delay
	queued     bool  // it is among the ready ones of the loop
	gone       bool  // nothing of it is left
}

// A loopSocket is one of the two sockets of a loopConn.
type loopSocket struct {
	fd       int32 // -1: closed, or none
	readable bool  // it may have something to read
	drained  bool  // a read that does not fill the buffer leaves nothing behind
	full     bool  // it has taken no more, and has not said since that it would
	watched  bool  // for room to write
}

// turnReads is how many reads a connection does before others have their turn.
const turnReads = 8

// token is what epoll calls a socket.
func (l *loopConn) token(at wire.Direction) int32 { return l.slot<<1 | int32(at) }

// tell has the loop do something to the connection. It may be called by any goroutine.
func (l *loopConn) tell(what order) { l.loop.tell(l, what) }

// owner is the loop: only its goroutine uses the session.
func (l *loopConn) owner() owner { return l.loop }

// wake has the loop tick at a moment.
func (l *loopConn) wake(at moment) { l.loop.wake(l, at) }

// happened records what epoll has reported of a socket, and goes on.
func (l *loopConn) happened(at int, events uint32) {
	e := &l.ends[at]
	const end = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
	if events&(syscall.EPOLLIN|syscall.EPOLLPRI|end) != 0 {
		e.readable = true
		e.drained = events&(syscall.EPOLLPRI|end) == 0 // reads stop at an urgent byte, and before the end
	}
	if events&(watchWrite|end) != 0 {
		e.full = false
	}
	l.goOn()
}

// obey does what the connection was told, and goes on.
func (l *loopConn) obey(what order) {
	now := time.Now()
	if what&toResume != 0 {
		l.resume(now)
	}
	if what&toAbort != 0 {
		l.do(l.session.close(wire.CauseDrain, action{}), now)
	}
	if what&toDrain != 0 && !l.gone {
		l.do(l.session.drain(now), now)
	}
	if what&toTick != 0 && !l.gone {
		l.do(l.tick(now), now)
	}
	if what&toDial != 0 && !l.gone {
		l.do(action{also: dialBackend}, now)
	}
	l.goOn()
}

// goOn does what can be done without waiting.
func (l *loopConn) goOn() {
	if l.gone {
		return
	}
	if l.connecting {
		l.connected()
	}
	more := l.copy(wire.FromClient)
	more = l.copy(wire.FromServer) || more
	if l.gone {
		return
	}
	if more || l.ends[0].readable && l.session.wants(wire.FromClient) && l.transfers[0].idle() {
		l.loop.goOnLater(l)
	}
	l.loop.giveBack(&l.transfers[wire.FromClient])
	l.loop.giveBack(&l.transfers[wire.FromServer])
}

// copy carries one direction as far as that goes. It is true if there may be more.
func (l *loopConn) copy(d wire.Direction) (more bool) {
	for range turnReads {
		switch {
		case l.gone || !l.flush(d) || !l.ends[d].readable || !l.session.wants(d):
			return false
		case l.splices(d) && l.splice(d):
			continue
		}
		b, err := l.read(d)
		if b == nil && err == nil {
			return false
		}
		now := time.Now()
		var a action
		switch {
		case err == nil:
			a = l.session.read(d, b, now)
			l.measure(d, len(b), now)
		case errors.Is(err, io.EOF):
			a = l.session.ended(d, now)
		default:
			a = l.session.broke(d, err, now)
		}
		if l.do(a, now); a.also == 0 && !l.gone && (err != nil || !l.session.quiet(d)) {
			l.arm()
		}
	}
	return !l.gone
}

// do does what the session says.
func (l *loopConn) do(a action, now time.Time) {
	if a.also&dialBackend != 0 {
		l.dial(a.write[wire.FromClient], now)
	} else if b := a.write[wire.FromClient]; len(b) > 0 {
		l.send(wire.FromClient, b, now)
	}
	if b := a.write[wire.FromServer]; len(b) > 0 && !l.gone {
		l.send(wire.FromServer, b, now)
	}
	if a.also == 0 || l.gone {
		return
	}
	for d := range wire.Direction(2) {
		over := a.also&closeBoth != 0 || d == wire.FromClient && a.also&hangUp != 0
		switch fd := l.ends[1-d].fd; {
		case fd < 0:
		case a.also&resetting(d) != 0:
			resetSocket(int(fd))
			l.ends[1-d].fd = -1
		case a.also&finishing(d) != 0 && !over: // else it is about to be closed, and that says it
			finishSocket(int(fd))
		}
	}
	switch {
	case a.also&closeBoth != 0:
		l.leave()
	case a.also&hangUp != 0:
		l.hangUp()
	case a.also&giveUp != 0:
		l.undialled(os.ErrDeadlineExceeded, now)
	}
	if !l.gone {
		l.arm()
	}
}

// read reads what is there into the loop's buffer; nil if that is nothing. At the end the error is
// io.EOF.
func (l *loopConn) read(d wire.Direction) ([]byte, error) {
	e := &l.ends[d]
	if e.fd < 0 {
		return nil, net.ErrClosed
	}
	for {
		k := l.loop
		n, errno := k.calls.read(l, d, k.buffer[:])
		switch {
		case errno == syscall.EINTR:
			continue
		case errno == syscall.EAGAIN:
			e.readable = false
			return nil, nil
		case errno != 0:
			return nil, errno
		case n == 0:
			return nil, io.EOF
		}
		e.readable = n == len(k.buffer) || !e.drained
		return k.buffer[:n], nil
	}
}

// hangUp ends the connection to the backend, or the attempt to have one.
func (l *loopConn) hangUp() {
	l.ends[wire.FromServer].close()
	l.connecting = false
	if l.away != nil {
		l.away.giveUp()
	}
	l.loop.drop(&l.transfers[wire.FromClient])
}

// leave closes what is open and lets go of the connection, which is over.
func (l *loopConn) leave() {
	l.gone = true
	l.hangUp()
	l.ends[wire.FromClient].close()
	l.loop.drop(&l.transfers[wire.FromServer])
	if none := l.loop.remove(l); none {
		l.loop.closeSpare()
	}
	l.conn.leave()
	l.loop.loops.running.Done()
}

// close closes the socket, if it is open.
func (e *loopSocket) close() {
	if e.fd >= 0 {
		closeSocket(int(e.fd))
		e.fd = -1
	}
}
