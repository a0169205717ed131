package proxy

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/interlock-proxy/interlock/wire"
)

// carriers carry the connections of one listener, as far as they are plain: with neither TLS nor anything held back or
// edited. Each has a goroutine; none of their lanes has one. A nil *carriers carries nothing.
type carriers struct {
	all     []*carrier
	next    atomic.Uint32
	running *sync.WaitGroup // has one for each lane
}

// A carrier is an event loop. It is the sole owner of its lanes and their descriptors; all but post, add and what it has
// in the lock is for its own goroutine.
type carrier struct {
	relay     *Relay
	lanes     *carriers
	epoll     *epoll
	calls     calls
	buffer    [bufferSize]byte // of the read at hand
	ready     []*lane          // those that have more to do
	spare     []pipe
	flows     []*flow       // those that no lane has borrowed
	mostPipes int64         // of the relay
	ended     chan struct{} // closed when the goroutine ends

	mu     sync.Mutex
	slots  []*lane // by token
	free   []int32 // slots without a lane
	posted []*lane // those that were told something
	over   bool    // it ends, or has ended
}

// calls are the system calls of the lanes; tests put others in their place.
type calls struct {
	read, write func(l *lane, leg wire.Direction, p []byte) (int, syscall.Errno)
	splice      func(l *lane, leg wire.Direction, from, to int32, most int) (int, syscall.Errno) // the leg is one end, a pipe the other
}

func (c calls) withDefaults() calls {
	if c.read == nil {
		c.read = func(l *lane, leg wire.Direction, p []byte) (int, syscall.Errno) {
			return readSocket(uintptr(l.legs[leg].fd), p)
		}
	}
	if c.write == nil {
		c.write = func(l *lane, leg wire.Direction, p []byte) (int, syscall.Errno) {
			return writeSocket(uintptr(l.legs[leg].fd), p)
		}
	}
	if c.splice == nil {
		c.splice = func(_ *lane, _ wire.Direction, from, to int32, most int) (int, syscall.Errno) {
			return spliceOnce(from, to, most)
		}
	}
	return c
}

// startCarriers starts one carrier for each processor. Whoever starts them ends them.
func (r *Relay) startCarriers(running *sync.WaitGroup) (*carriers, error) {
	if r.hooks.goroutines {
		return nil, nil
	}
	cs := &carriers{running: running}
	for range runtime.GOMAXPROCS(0) {
		e, err := newEpoll()
		if err != nil {
			cs.end()
			return nil, fmt.Errorf("start relay: %w", err)
		}
		k := &carrier{relay: r, lanes: cs, epoll: e, calls: r.hooks.calls.withDefaults(), mostPipes: pipeLimit(), ended: make(chan struct{})}
		cs.all = append(cs.all, k)
		go k.run()
	}
	return cs, nil
}

// end ends the carriers, which have no lanes any more.
func (cs *carriers) end() {
	if cs == nil {
		return
	}
	for _, k := range cs.all {
		k.mu.Lock()
		k.over = true
		k.epoll.ring() // in the lock, or the bell might be closed already, and its descriptor another's
		k.mu.Unlock()
		<-k.ended
	}
}

// one is the next carrier in turn.
func (cs *carriers) one() *carrier { return cs.all[int(cs.next.Add(1))%len(cs.all)] }

// add gives a lane to the carrier, which may be at it before add returns. If its legs cannot be watched it is to be told to
// close.
func (k *carrier) add(l *lane) (errno syscall.Errno) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := len(k.free); n > 0 {
		l.slot = k.free[n-1]
		k.free = k.free[:n-1]
	} else {
		l.slot = int32(len(k.slots))
		k.slots = append(k.slots, nil)
	}
	k.slots[l.slot] = l
	for i := range l.legs {
		if l.legs[i].fd >= 0 && errno == 0 {
			errno = k.watch(l, wire.Direction(i))
		}
	}
	return errno
}

// watch begins to watch a leg.
func (k *carrier) watch(l *lane, leg wire.Direction) syscall.Errno {
	return k.epoll.watch(syscall.EPOLL_CTL_ADD, int(l.legs[leg].fd), l.token(leg), watchRead)
}

// remove forgets a lane whose descriptors are closed, or are not watched any more. It reports whether no other is left.
func (k *carrier) remove(l *lane) (none bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forget(l)
	return len(k.free) == len(k.slots)
}

func (k *carrier) forget(l *lane) {
	k.slots[l.slot] = nil
	k.free = append(k.free, l.slot)
}

// post has the carrier look at what a lane was told. It may be called by any goroutine.
func (k *carrier) post(l *lane) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return
	}
	if k.posted = append(k.posted, l); len(k.posted) == 1 {
		k.epoll.ring()
	}
}

func (k *carrier) run() {
	defer close(k.ended)
	defer k.epoll.close()
	defer k.closeSpare()
	if err := k.epoll.raw.Read(func(uintptr) bool { return k.turn() }); err != nil {
		panic(err) // the descriptor is ours, and open
	}
}

// turn does what there is to do. It is true when the carrier is to end, and false when it is to wait.
func (k *carrier) turn() (over bool) {
	for {
		events := k.epoll.ready()
		k.happened(events)
		for range k.ready { // those that have more to do come last, and each in its turn
			l := k.ready[0]
			k.ready[0] = nil
			k.ready = k.ready[1:]
			l.queued = false
			l.goOn()
		}
		k.mu.Lock()
		over = k.over
		k.mu.Unlock()
		switch {
		case over:
			return true
		case len(k.ready) > 0:
			runtime.Gosched()
		case len(events) < len(k.epoll.events): // what comes from here on wakes us
			return false
		}
	}
}

// happened lets the lanes go on that something has happened to.
func (k *carrier) happened(events []syscall.EpollEvent) {
	var lanes [len(k.epoll.events)]*lane
	k.mu.Lock()
	for i := range events {
		if token := events[i].Fd; token != bellToken {
			lanes[i] = k.slots[token>>1]
		}
	}
	k.mu.Unlock()
	for i := range events {
		switch l := lanes[i]; {
		case l != nil:
			l.happened(int(events[i].Fd&1), events[i].Events)
		case events[i].Fd == bellToken:
			k.rung()
		}
	}
}

// rung lets the lanes do what they were told.
func (k *carrier) rung() {
	k.epoll.rung()
	k.mu.Lock()
	posted := k.posted
	k.posted = nil
	k.mu.Unlock()
	for _, l := range posted {
		l.obey()
	}
}

// goOnLater has a lane go on when the others have had their turn.
func (k *carrier) goOnLater(l *lane) {
	if !l.queued {
		l.queued = true
		k.ready = append(k.ready, l)
	}
}
