package proxy

import (
	"math/rand/v2"
	"syscall"
)

// manners are the ways in which a relay carries connections, beside the one that it takes by itself.
var manners = map[string]func(*Relay){
	"goroutines": func(r *Relay) { r.hooks.goroutines = true },
	"late":       func(r *Relay) { r.hooks.late = true },
	"faults":     func(r *Relay) { r.hooks.calls = faults() },
}

// faults are calls as they may come about on any day, all on one: reads that find little, reads and writes that find
// nothing at all at first, and writes that get rid of little.
func faults() calls {
	system := calls{}.withDefaults()
	// again lets epoll say once more what there is: it would not, as there was something.
	again := func(g *leg) (int, syscall.Errno) {
		g.lane.carrier.epoll.watch(syscall.EPOLL_CTL_MOD, int(g.fd), g.token, watchRead|watchWrite)
		return -1, syscall.EAGAIN
	}
	return calls{
		read: func(g *leg, p []byte) (int, syscall.Errno) {
			switch rand.IntN(4) {
			case 0:
				return again(g)
			case 1:
				return -1, syscall.EINTR
			}
			g.drained = false
			return system.read(g, p[:1+rand.IntN(50)])
		},
		write: func(g *leg, p []byte) (int, syscall.Errno) {
			switch rand.IntN(2) {
			case 0:
				return again(g)
			default:
				return system.write(g, p[:1+rand.IntN(min(50, len(p)))])
			}
		},
	}
}
