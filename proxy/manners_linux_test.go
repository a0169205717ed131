package proxy

import (
	"math/rand/v2"
	"sync"
	"syscall"

	"github.com/interlock-proxy/interlock/wire"
)

// manners are the ways in which a relay carries connections, beside the one that it takes by itself.
var manners = map[string]func(*Relay){
	"goroutines": func(r *Relay) { r.hooks.goroutines = true },
	"late":       func(r *Relay) { r.hooks.late = true },
	"faults":     func(r *Relay) { r.hooks.calls = faults() },
	"refusals":   func(r *Relay) { r.hooks.calls = refusals() },
}

// again lets epoll say once more what there is: it would not, as there was something.
func again(l *lane, leg wire.Direction) (int, syscall.Errno) {
	l.carrier.epoll.watch(syscall.EPOLL_CTL_MOD, int(l.legs[leg].fd), l.token(leg), watchRead|watchWrite)
	return -1, syscall.EAGAIN
}

// few is mostly a few bytes, and sometimes any number up to all of them.
func few(all int) int {
	if rand.IntN(8) == 0 {
		return 1 + rand.IntN(all)
	}
	return 1 + rand.IntN(min(50, all))
}

// refusals are calls of which each write is refused at first, whether of bytes or of what is in a pipe, and then takes
// half; and what is spliced from a socket is not there at first, and then half of what is asked for.
func refusals() calls {
	system := calls{}.withDefaults()
	type attempt struct {
		leg *leg
		out bool
	}
	refused := make(map[attempt]bool) // the calls are those of one carrier or another, each lane's of one
	var mu sync.Mutex
	refuse := func(g *leg, out bool) bool {
		mu.Lock()
		defer mu.Unlock()
		at := attempt{g, out}
		refused[at] = !refused[at]
		return refused[at]
	}
	return calls{
		write: func(l *lane, leg wire.Direction, p []byte) (int, syscall.Errno) {
			if refuse(&l.legs[leg], true) {
				return again(l, leg)
			}
			return system.write(l, leg, p[:(len(p)+1)/2])
		},
		splice: func(l *lane, leg wire.Direction, from, to int32, most int) (int, syscall.Errno) {
			if g := &l.legs[leg]; refuse(g, to == g.fd) {
				return again(l, leg)
			}
			return system.splice(l, leg, from, to, (most+1)/2)
		},
	}
}

// faults are calls as they may come about on any day, all on one: reads that find little, reads and writes that find
// nothing at all at first, and writes that get rid of little.
func faults() calls {
	system := calls{}.withDefaults()
	return calls{
		read: func(l *lane, leg wire.Direction, p []byte) (int, syscall.Errno) {
			switch rand.IntN(4) {
			case 0:
				return again(l, leg)
			case 1:
				return -1, syscall.EINTR
			}
			l.legs[leg].drained = false
			return system.read(l, leg, p[:few(len(p))])
		},
		write: func(l *lane, leg wire.Direction, p []byte) (int, syscall.Errno) {
			switch rand.IntN(2) {
			case 0:
				return again(l, leg)
			default:
				return system.write(l, leg, p[:few(len(p))])
			}
		},
	}
}
