package proxy

import (
	"math/rand/v2"
	"sync"
	"syscall"

	"github.com/interlock-proxy/interlock/wire"
)

// drivers are alternatives to the plain event loops: goroutines, and event loops with injected
// faults.
var drivers = map[string]func(*Relay){
	"goroutines": func(r *Relay) { r.hooks.goroutines = true },
	"faults":     func(r *Relay) { r.hooks.calls = faults() },
	"refusals":   func(r *Relay) { r.hooks.calls = refusals() },
}

// again makes epoll report readiness again, which it would not do because the call never reached
// the socket.
func again(l *loopConn, at wire.Direction) (int, syscall.Errno) {
	l.loop.epoll.watch(syscall.EPOLL_CTL_MOD, int(l.ends[at].fd), l.token(at), watchRead|watchWrite)
	return -1, syscall.EAGAIN
}

// few returns mostly a small number, sometimes any number up to all.
func few(all int) int {
	if all == 0 { // a zero-length write, which checks whether the socket is connected
		return 0
	}
	if rand.IntN(8) == 0 {
		return 1 + rand.IntN(all)
	}
	return 1 + rand.IntN(min(50, all))
}

// refusals are system calls that alternate: every other write is refused and the next writes half.
// Every other splice from a socket finds nothing, and the next takes half of what was asked for.
func refusals() calls {
	system := calls{}.withDefaults()
	type call struct {
		socket *loopSocket
		out    bool
	}
	refused := make(map[call]bool) // event loops share this map; each connection belongs to one loop
	var mu sync.Mutex
	refuse := func(socket *loopSocket, out bool) bool {
		mu.Lock()
		defer mu.Unlock()
		at := call{socket, out}
		refused[at] = !refused[at]
		return refused[at]
	}
	return calls{
		write: func(l *loopConn, at wire.Direction, p []byte) (int, syscall.Errno) {
			if refuse(&l.ends[at], true) {
				return again(l, at)
			}
			return system.write(l, at, p[:(len(p)+1)/2])
		},
		splice: func(l *loopConn, at wire.Direction, from, to int32, most int) (int, syscall.Errno) {
			if socket := &l.ends[at]; refuse(socket, to == socket.fd) {
				return again(l, at)
			}
			return system.splice(l, at, from, to, (most+1)/2)
		},
	}
}

// faults are system calls with every ordinary fault at once: short reads and writes, and calls that
// fail with EAGAIN at first.
func faults() calls {
	system := calls{}.withDefaults()
	return calls{
		read: func(l *loopConn, at wire.Direction, p []byte) (int, syscall.Errno) {
			switch rand.IntN(4) {
			case 0:
				return again(l, at)
			case 1:
				return -1, syscall.EINTR
			}
			l.ends[at].drained = false
			return system.read(l, at, p[:few(len(p))])
		},
		write: func(l *loopConn, at wire.Direction, p []byte) (int, syscall.Errno) {
			switch rand.IntN(2) {
			case 0:
				return again(l, at)
			default:
				return system.write(l, at, p[:few(len(p))])
			}
		},
	}
}
