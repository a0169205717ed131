package proxy

import (
	"math/rand/v2"
	"sync"
	"syscall"

	"github.com/interlock-proxy/interlock/wire"
)

// drivers are what moves the bytes of a connection, beside the event loops as they are: goroutines,
// and event loops on a bad day.
var drivers = map[string]func(*Relay){
	"goroutines": func(r *Relay) { r.hooks.goroutines = true },
	"faults":     func(r *Relay) { r.hooks.calls = faults() },
	"refusals":   func(r *Relay) { r.hooks.calls = refusals() },
}

// again lets epoll say once more what there is: it would not, as there was something.
func again(l *loopConn, at wire.Direction) (int, syscall.Errno) {
	l.loop.epoll.watch(syscall.EPOLL_CTL_MOD, int(l.ends[at].fd), l.token(at), watchRead|watchWrite)
	return -1, syscall.EAGAIN
}

// few is mostly a few bytes, and sometimes any number up to all of them.
func few(all int) int {
	if all == 0 { // a write that asks whether the socket is connected
		return 0
	}
	if rand.IntN(8) == 0 {
		return 1 + rand.IntN(all)
	}
	return 1 + rand.IntN(min(50, all))
}

// refusals are calls of which each write is refused at first, whether of bytes or of what is in a
// pipe, and then takes half; and what is spliced from a socket is not there at first, and then half
// of what is asked for.
func refusals() calls {
	system := calls{}.withDefaults()
	type call struct {
		socket *loopSocket
		out    bool
	}
	refused := make(map[call]bool) // the calls are those of one loop or another, each connection's of one
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

// faults are calls as they may come about on any day, all on one: reads that find little, reads and
// writes that find nothing at all at first, and writes that get rid of little.
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
