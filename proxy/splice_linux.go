package proxy

import (
	"io"
	"net"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A pipe is what bytes go through that are spliced (splice(2)). The zero pipe is none.
type pipe struct{ in, out int32 }

// maxPipes is how many pipes a relay has: half of the descriptors that are in reserve. Who gets none reads and writes.
const maxPipes = reservedFDs / 4

// pipeLimit is how many pipes there may be: fewer where descriptors are so few that there is no such reserve.
func pipeLimit() int64 { return int64(min(maxPipes, descriptorLimit()/16)) }

// maxSpare is how many pipes and flows a carrier keeps for later; pipes only while it has lanes.
const maxSpare = 16

// splice moves a portion from one leg to the other without looking at it: of what comes behind the recorded bytes of a
// tunnel, or else of content whose length is known, and then nothing of what comes behind that. It is false if that is
// not the way any more.
func (l *lane) splice(d wire.Direction) bool {
	c, f, src := l.conn, l.flow(d), &l.legs[d]
	most := splicePortion
	if !c.recorded[d] {
		most = int(min(int64(most), c.skippable(d)))
	}
	if most == 0 || src.fd < 0 || f.pipe == (pipe{}) && !l.takePipe(f) {
		f.streak = 0
		l.dropPipe(f)
		return false
	}
	n, errno := l.carrier.calls.splice(l, d, src.fd, f.pipe.in, most)
	switch {
	case errno == syscall.EINTR:
		return true
	case errno == syscall.EAGAIN && !src.drained: // perhaps before an urgent byte, or the end: only a read steps over that
		f.streak = 0
		l.dropPipe(f)
		return false
	case errno == syscall.EAGAIN:
		src.readable = false
		l.dropPipe(f)
		return true
	case errno != 0 || n == 0:
		l.dropPipe(f)
		err := error(errno)
		if errno == 0 {
			err = io.EOF
		}
		l.ended(d, err)
		return true
	}
	if d == wire.FromServer {
		l.lasting = 0
	}
	f.piped = n
	now := time.Now()
	f.moved = c.relay.moment(now)
	if n < bufferSize {
		f.streak = 0 // it has become a trickle, and messages are cheaper to copy
	}
	if c.recorded[d] {
		c.touch(now)
	} else if c.skip(d, n, now) == 0 {
		f.streak = 0
	}
	l.drain(d)
	return true
}

// skippable is how many bytes come next in a direction that need not be fed.
func (c *conn) skippable(d wire.Direction) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return 0
	}
	return c.talk.Skippable(d)
}

// skip records such bytes, as feed does of others. It tells how many are left.
func (c *conn) skip(d wire.Direction, n int, now time.Time) (left int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.talk.Skip(d, int64(n), now)
	c.arm(now)
	c.touch(now)
	return c.talk.Skippable(d)
}

// drain moves on what is in the pipe.
func (l *lane) drain(d wire.Direction) {
	f, dst := l.flow(d), &l.legs[1-d]
	for f.piped > 0 {
		if dst.fd < 0 {
			l.broken(d, net.ErrClosed)
			return
		}
		l.hurry(d)
		n, errno := l.carrier.calls.splice(l, 1-d, f.pipe.out, dst.fd, f.piped)
		switch errno {
		case 0:
			f.piped -= n
			l.wrote(d, n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			l.wait(1 - d)
			return
		default:
			l.broken(d, errno)
			return
		}
	}
	if f.streak == 0 {
		l.dropPipe(f)
	}
}

func spliceOnce(from, to int32, most int) (int, syscall.Errno) {
	const move, nonblock = 1, 2
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0, uintptr(most), move|nonblock)
	return int(n), errno
}

// takePipe gets a pipe for a flow; it is false if there is none.
func (l *lane) takePipe(f *flow) bool {
	k := l.carrier
	if n := len(k.spare); n > 0 {
		f.pipe, k.spare = k.spare[n-1], k.spare[:n-1]
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
	f.pipe = pipe{in: int32(fds[1]), out: int32(fds[0])}
	return true
}

// dropPipe gives back the pipe of a flow.
func (l *lane) dropPipe(f *flow) {
	if f.pipe == (pipe{}) {
		return
	}
	if k := l.carrier; f.piped == 0 && len(k.spare) < maxSpare {
		k.spare = append(k.spare, f.pipe)
	} else {
		k.closePipe(f.pipe)
	}
	f.pipe, f.piped = pipe{}, 0
}

func (k *carrier) closePipe(p pipe) {
	closeSocket(int(p.in))
	closeSocket(int(p.out))
	k.relay.pipes.Add(-1)
}

// closeSpare closes the pipes that were kept.
func (k *carrier) closeSpare() {
	for _, p := range k.spare {
		k.closePipe(p)
	}
	k.spare = nil
}
