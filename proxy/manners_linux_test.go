package proxy

import (
	"math/rand/v2"
	"sync"
	"syscall"
)

// manners are the ways in which a relay carries connections, beside the one that it takes by itself.
var manners = map[string]func(*Relay){
	"goroutines": func(r *Relay) { r.hooks.goroutines = true },
	"late":       func(r *Relay) { r.hooks.late = true },
	"faults":     func(r *Relay) { r.hooks.calls = faults() },
	"refusals":   func(r *Relay) { r.hooks.calls = refusals() },
}

// again lets epoll say once more what there is: it would not, as there was something.
func again(g *leg) (int, syscall.Errno) {
	g.lane.carrier.epoll.watch(syscall.EPOLL_CTL_MOD, int(g.fd), g.token, watchRead|watchWrite)
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
// half.
func refusals() calls {
	system := calls{}.withDefaults()
	refused := make(map[*leg]bool) // the calls are those of one carrier or another, each lane's of one
	var mu sync.Mutex
	refuse := func(g *leg) bool {
		mu.Lock()
		defer mu.Unlock()
		refused[g] = !refused[g]
		return refused[g]
	}
	return calls{
		write: func(g *leg, p []byte) (int, syscall.Errno) {
			if refuse(g) {
				return again(g)
			}
			return system.write(g, p[:(len(p)+1)/2])
		},
		splice: func(g *leg, from, to int32, most int) (int, syscall.Errno) {
			if to == g.fd {
				if refuse(g) {
					return again(g)
				}
				most = (most + 1) / 2
			}
			return system.splice(g, from, to, most)
		},
	}
}

// faults are calls as they may come about on any day, all on one: reads that find little, reads and writes that find
// nothing at all at first, and writes that get rid of little.
func faults() calls {
	system := calls{}.withDefaults()
	return calls{
		read: func(g *leg, p []byte) (int, syscall.Errno) {
			switch rand.IntN(4) {
			case 0:
				return again(g)
			case 1:
				return -1, syscall.EINTR
			}
			g.drained = false
			return system.read(g, p[:few(len(p))])
		},
		write: func(g *leg, p []byte) (int, syscall.Errno) {
			switch rand.IntN(2) {
			case 0:
				return again(g)
			default:
				return system.write(g, p[:few(len(p))])
			}
		},
	}
}
