package proxy

import (
	"net"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// send writes what the session wants written, or as much of it as the socket takes; the rest waits.
func (l *loopConn) send(d wire.Direction, b []byte, now time.Time) {
	if !l.transfers[d].idle() {
		l.loop.lend(&l.transfers[d]).pend(b, &l.relay.buffers)
		return
	}
	if n := l.write(d, b, now); n < len(b) {
		l.loop.lend(&l.transfers[d]).pend(b[n:], &l.relay.buffers)
	}
}

// write writes as much of b as the socket takes. If that breaks, all of it is done with.
func (l *loopConn) write(d wire.Direction, b []byte, now time.Time) (n int) {
	if l.ends[1-d].fd < 0 {
		l.unwritable(d, net.ErrClosed, now)
		return len(b)
	}
	l.hurry(d)
	for n < len(b) {
		m, errno := l.loop.calls.write(l, 1-d, b[n:])
		switch errno {
		case 0:
			n += m
			continue
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			l.wait(1 - d)
		default:
			l.do(l.session.wrote(d, n, now), now)
			l.unwritable(d, errno, now)
			return len(b)
		}
		break
	}
	l.do(l.session.wrote(d, n, now), now)
	if l.gone {
		return len(b)
	}
	return n
}

// unwritable drops what a direction has under way, and tells the session why.
func (l *loopConn) unwritable(d wire.Direction, err error, now time.Time) {
	if l.gone {
		return
	}
	l.loop.drop(&l.transfers[d])
	l.do(l.session.unwritable(d, err, now), now)
	if !l.gone {
		l.arm()
	}
}

// hurry has what goes to the backend after the first write not wait until that is acknowledged (RFC
// 9293 §3.7.4).
func (l *loopConn) hurry(d wire.Direction) {
	if d == wire.FromClient && !l.prompt {
		l.prompt = true
		setOption(uintptr(l.ends[wire.FromServer].fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	}
}

// wait has the loop woken when a socket takes more.
func (l *loopConn) wait(at wire.Direction) {
	e := &l.ends[at]
	if e.full = true; !e.watched {
		e.watched = true
		_ = l.loop.epoll.watch(syscall.EPOLL_CTL_MOD, int(e.fd), l.token(at), watchRead|watchWrite)
	}
}

// flush writes what waits. It is true when nothing does.
func (l *loopConn) flush(d wire.Direction) bool {
	t := l.transfers[d]
	if t.idle() {
		return true
	}
	if l.ends[1-d].full || d == wire.FromClient && (l.connecting || l.away != nil) {
		return false
	}
	now := time.Now()
	if waits := t.pending; len(waits) > 0 {
		n := l.write(d, waits, now)
		if l.gone || l.transfers[d] != t {
			return !l.gone
		}
		if t.pending = t.pending[n:]; len(t.pending) == 0 {
			t.release(&l.relay.buffers)
		}
	}
	if t.piped > 0 && len(t.pending) == 0 {
		l.drain(d, now)
	}
	return !l.gone && t.idle()
}
