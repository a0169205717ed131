package proxy

import (
	"math"
	"net"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A pipe is what bytes go through that are spliced (splice(2)). The zero pipe is none.
type pipe struct{ in, out int32 }

// maxPipes is how many pipes a relay has: half of the descriptors that are in reserve. Who gets
// none reads and writes.
const maxPipes = reservedFDs / 4

// pipeLimit is how many pipes there may be: fewer where descriptors are so few that there is no
// such reserve.
func pipeLimit() int64 { return int64(min(maxPipes, descriptorLimit()/16)) }

// maxSpare is how many pipes and transfers a loop keeps for later; pipes only while it has
// connections.
const maxSpare = 16

// measure records how much a read has found: where more may follow, the direction may begin to
// splice.
func (l *loopConn) measure(d wire.Direction, n int, now time.Time) {
	if n < bufferSize {
		if t := l.transfers[d]; t != nil {
			t.streak = 0
		}
		return
	}
	t := l.loop.lend(&l.transfers[d])
	switch may := l.session.splice(d); {
	case may == math.MaxInt64:
		t.streak += n
	case may >= spliceFrom:
		t.streak = spliceFrom
	default:
		t.streak = 0
	}
	if t.streak >= spliceFrom {
		t.moved = l.relay.terms.moment(now)
	}
}

// splices reports whether a direction has so much to move, and has not paused, that it is spliced.
func (l *loopConn) splices(d wire.Direction) bool {
	t := l.transfers[d]
	if t == nil || t.streak < spliceFrom {
		return false
	}
	if l.relay.terms.moment(time.Now())-t.moved > moment(spliceWait) {
		t.streak = 0
		l.loop.dropPipe(t)
	}
	return t.streak > 0
}

// splice moves a portion from one socket to the other without looking at it. It is false if that
// cannot be done any more.
func (l *loopConn) splice(d wire.Direction) bool {
	t, src, now := l.loop.lend(&l.transfers[d]), &l.ends[d], time.Now()
	most := min(l.session.splice(d), splicePortion)
	if most == 0 || src.fd < 0 || t.pipe == (pipe{}) && !l.loop.takePipe(t) {
		t.streak = 0
		l.loop.dropPipe(t)
		return false
	}
	n, errno := l.loop.calls.splice(l, d, src.fd, t.pipe.in, int(most))
	switch {
	case errno == syscall.EINTR:
		return true
	case errno == syscall.EAGAIN && !src.drained: // perhaps before an urgent byte, or the end: only a read steps over that
		t.streak = 0
		l.loop.dropPipe(t)
		return false
	case errno == syscall.EAGAIN:
		src.readable = false
		l.loop.dropPipe(t)
		return true
	case errno != 0 || n == 0:
		l.loop.dropPipe(t)
		if errno == 0 {
			l.do(l.session.ended(d, now), now)
		} else {
			l.do(l.session.broke(d, errno, now), now)
		}
	default:
		l.session.spliced(d, n, now)
		t.piped, t.moved = n, l.relay.terms.moment(now)
		if n < bufferSize || l.session.splice(d) == 0 {
			t.streak = 0 // it has become a trickle, and messages are cheaper to copy
		}
		l.drain(d, now)
	}
	if !l.gone {
		l.arm()
	}
	return true
}

// drain moves on what is in the pipe.
func (l *loopConn) drain(d wire.Direction, now time.Time) {
	t, dst := l.loop.lend(&l.transfers[d]), &l.ends[1-d]
	for t.piped > 0 {
		if dst.fd < 0 {
			l.unwritable(d, net.ErrClosed, now)
			return
		}
		l.hurry(d)
		n, errno := l.loop.calls.splice(l, 1-d, t.pipe.out, dst.fd, t.piped)
		switch errno {
		case 0:
			t.piped -= n
			l.do(l.session.wrote(d, n, now), now)
			if l.gone || l.transfers[d] != t {
				return
			}
		case syscall.EINTR:
		case syscall.EAGAIN:
			l.wait(1 - d)
			return
		default:
			l.unwritable(d, errno, now)
			return
		}
	}
	if t.streak == 0 {
		l.loop.dropPipe(t)
	}
}

func spliceOnce(from, to int32, most int) (int, syscall.Errno) {
	const move, nonblock = 1, 2
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(most), move|nonblock)
	return int(n), errno
}

// takePipe gets a pipe for a transfer; it is false if there is none.
func (k *eventLoop) takePipe(t *transfer) bool {
	if n := len(k.spare); n > 0 {
		t.pipe, k.spare = k.spare[n-1], k.spare[:n-1]
		return true
	}
	if k.relay.pipes.Add(1) > k.mostPipes {
		k.relay.pipes.Add(-1)
		return false
	}
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_NONBLOCK|syscall.O_CLOEXEC); err != nil {
		k.relay.pipes.Add(-1)
		return false
	}
	syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fds[1]), syscall.F_SETPIPE_SZ, splicePortion) // a smaller one does too
	t.pipe = pipe{in: int32(fds[1]), out: int32(fds[0])}
	return true
}

// dropPipe gives back the pipe of a transfer.
func (k *eventLoop) dropPipe(t *transfer) {
	if t.pipe == (pipe{}) {
		return
	}
	if t.piped == 0 && len(k.spare) < maxSpare {
		k.spare = append(k.spare, t.pipe)
	} else {
		k.closePipe(t.pipe)
	}
	t.pipe, t.piped = pipe{}, 0
}

func (k *eventLoop) closePipe(p pipe) {
	closeSocket(int(p.in))
	closeSocket(int(p.out))
	k.relay.pipes.Add(-1)
}

// closeSpare closes the pipes that were kept.
func (k *eventLoop) closeSpare() {
	for _, p := range k.spare {
		k.closePipe(p)
	}
	k.spare = nil
}
