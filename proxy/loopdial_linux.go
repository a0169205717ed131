package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// An attempt to connect is what a goroutine does that an event loop cannot do without waiting: it
// looks up names, and tries one address after the other. What it has come to is for the loop, once
// that is told toResume.
type attempt struct {
	giveUp   context.CancelFunc
	fd       int // -1: none
	from, to netip.AddrPort
	address  string
	err      error
}

// errTLSInLoop says that a route leads to a backend that nobody could expect.
var errTLSInLoop = errors.New("it speaks TLS, and is not among the backends that the relay was told of")

// dial connects to the backend, and sends the client's first bytes if that comes about at once.
func (l *loopConn) dial(first []byte, now time.Time) {
	b := l.session.backend
	t := l.loop.lend(&l.transfers[wire.FromClient])
	t.pending = first[:len(first):len(first)]
	if l.preface = 0; b.ProxyProtocol != 0 {
		fd := int(l.ends[wire.FromClient].fd)
		header, err := proxyHeader(b.ProxyProtocol, l.session.common.Client, peerAddr(fd), localAddr(fd))
		if err != nil {
			l.dialled(b.String(), err, now)
			return
		}
		l.preface = int32(len(header))
		header = append(header, first...)
		t.pending = header
	}
	switch {
	case b.TLS != nil:
		l.dialled(b.String(), errTLSInLoop, now)
	case b.numeric == nil:
		l.dialAway()
	default:
		l.dialHere(now)
	}
	if l.transfers[wire.FromClient] == t {
		t.own(&l.relay.buffers)
	}
}

// dialHere begins to connect to the address whose turn it is.
func (l *loopConn) dialHere(now time.Time) {
	b := l.session.backend
	at := int(b.next.Add(1)-1) % len(b.numeric)
	to := b.numeric[at]
	if len(b.numeric) > 1 {
		l.session.common.Backend = b.Addresses[at]
	}
	var address sockaddr
	address.set(to)
	fd, errno := connectSocket(&address)
	if errno != 0 {
		l.undialled(errno, now)
		return
	}
	if l.relay.own.mayReturn(to) {
		l.claim(localEnd(fd), to)
	}
	if errno := l.take(fd); errno != 0 {
		l.undialled(errno, now)
		return
	}
	l.session.deadline = l.relay.terms.moment(now.Add(l.relay.Limits.Dial))
	l.connecting = true
	l.connected()
}

// take has the loop watch a socket to the backend.
func (l *loopConn) take(fd int) syscall.Errno {
	l.ends[wire.FromServer] = loopSocket{fd: int32(fd)}
	return l.loop.watch(l, wire.FromServer)
}

// connected goes on if the connection to the backend has come about, or has not: a write shows
// that, also of nothing.
func (l *loopConn) connected() {
	if l.ends[wire.FromServer].full {
		return
	}
	now := time.Now()
	var first []byte
	if t := l.transfers[wire.FromClient]; t != nil {
		first = t.pending
	}
	n, errno := l.loop.calls.write(l, wire.FromServer, first)
	switch errno {
	case 0:
	case syscall.EINTR:
		n = 0
	case syscall.EAGAIN:
		l.wait(wire.FromServer)
		l.arm()
		return
	default:
		l.undialled(errno, now)
		return
	}
	if n > 0 {
		t := l.transfers[wire.FromClient]
		if t.pending = t.pending[n:]; len(t.pending) == 0 {
			t.release(&l.relay.buffers)
		}
	}
	l.connecting = false
	l.dialled(l.session.common.Backend, nil, now)
	if n > 0 && !l.gone {
		l.do(l.session.wrote(wire.FromClient, n, now), now)
	}
}

// dialled tells the session what became of the attempt to connect.
func (l *loopConn) dialled(address string, err error, now time.Time) {
	if err != nil {
		l.loop.drop(&l.transfers[wire.FromClient])
	}
	l.do(l.session.dialled(address, int(l.preface), err, now), now)
	if !l.gone {
		l.arm()
	}
}

// undialled goes on when the backend was not reached here: a goroutine tries all its addresses,
// unless the only one has had its time, or there is nobody to tell yet.
func (l *loopConn) undialled(err error, now time.Time) {
	l.disclaim()
	l.ends[wire.FromServer].close()
	l.connecting, l.session.deadline = false, 0
	late := errors.Is(err, os.ErrDeadlineExceeded) && len(l.session.backend.numeric) == 1
	if late || !l.session.spoken {
		l.dialled(l.session.common.Backend, err, now)
		return
	}
	l.dialAway()
}

// dialAway has a goroutine connect to the backend.
func (l *loopConn) dialAway() {
	ctx, cancel := context.WithCancel(context.Background())
	try := &attempt{giveUp: cancel, fd: -1}
	l.away = try
	b, d := l.session.backend, dialer(l.relay.Limits.Dial)
	l.loop.loops.running.Go(func() {
		defer cancel()
		try.dial(ctx, b, d)
		l.tell(toResume)
	})
}

// dial connects.
func (t *attempt) dial(ctx context.Context, b *Backend, d *net.Dialer) {
	conn, address, err := b.connect(ctx, d)
	t.address, t.err = address, err
	if err != nil {
		return
	}
	defer conn.Close() // the socket stays open by its other descriptor
	t.from, _ = addrPort(conn.LocalAddr())
	t.to, _ = addrPort(conn.RemoteAddr())
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err == nil {
		t.fd, err = duplicate(raw)
	}
	t.err = err
}

// resume goes on when a goroutine has connected, or has not.
func (l *loopConn) resume(now time.Time) {
	try := l.away
	l.away = nil
	switch {
	case l.gone || l.session.stage != dialling: // it was told to end meanwhile
		if try.fd >= 0 {
			closeSocket(try.fd)
		}
		return
	case try.err != nil:
		l.dialled(try.address, try.err, now)
		return
	case try.from.IsValid() && try.to.IsValid():
		l.claim(try.from, try.to)
	}
	l.prompt = true // as package net has set it
	if errno := l.take(try.fd); errno != 0 {
		l.dialled(try.address, errno, now)
		return
	}
	l.dialled(try.address, nil, now)
}
