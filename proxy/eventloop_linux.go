package proxy

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/interlock-proxy/interlock/wire"
)

// eventLoops drive the connections of one listener that are cleartext from end to end. Each has a
// goroutine; none of their connections has one. A nil *eventLoops drives nothing.
type eventLoops struct {
	all     []*eventLoop
	next    atomic.Uint32
	running *sync.WaitGroup // has one for each connection, and for each goroutine that dials for one
}

// An eventLoop is the sole owner of its connections and their descriptors; all but tell, add and
// what it has in the lock is for its own goroutine.
type eventLoop struct {
	relay     *Relay
	loops     *eventLoops
	epoll     *epoll
	calls     calls
	buffer    [bufferSize]byte // of the read at hand
	ready     []*loopConn      // those that have more to do
	spare     []pipe
	transfers []*transfer   // those that no connection has borrowed
	mostPipes int64         // of the relay
	ended     chan struct{} // closed when the goroutine ends

	mu    sync.Mutex
	slots []*loopConn // by token
	free  []int32     // slots without a connection
	told  []*loopConn // those that were told something
	asked []func()    // that are to be called between two events
	alarms
	over bool // it ends, or has ended
}

// calls are the system calls of the event loops; tests put others in their place.
type calls struct {
	read, write func(l *loopConn, at wire.Direction, p []byte) (int, syscall.Errno)
	splice      func(l *loopConn, at wire.Direction, from, to int32, most int) (int, syscall.Errno) // that socket is one end, a pipe the other
}

func (c calls) withDefaults() calls {
	if c.read == nil {
		c.read = func(l *loopConn, at wire.Direction, p []byte) (int, syscall.Errno) {
			return readSocket(uintptr(l.ends[at].fd), p)
		}
	}
	if c.write == nil {
		c.write = func(l *loopConn, at wire.Direction, p []byte) (int, syscall.Errno) {
			return writeSocket(uintptr(l.ends[at].fd), p)
		}
	}
	if c.splice == nil {
		c.splice = func(_ *loopConn, _ wire.Direction, from, to int32, most int) (int, syscall.Errno) {
			return spliceOnce(from, to, most)
		}
	}
	return c
}

// startLoops starts one event loop for each processor. The caller ends them.
func startLoops(r *Relay, running *sync.WaitGroup) (*eventLoops, error) {
	if r.hooks.goroutines {
		return nil, nil
	}
	ks := &eventLoops{running: running}
	for range runtime.GOMAXPROCS(0) {
		e, err := newEpoll()
		if err != nil {
			ks.end()
			return nil, fmt.Errorf("start relay: %w", err)
		}
		k := &eventLoop{relay: r, loops: ks, epoll: e, calls: r.hooks.calls.withDefaults(), mostPipes: pipeLimit(), ended: make(chan struct{})}
		ks.all = append(ks.all, k)
		go k.run()
	}
	return ks, nil
}

// end ends the event loops, which have no connections any more.
func (ks *eventLoops) end() {
	if ks == nil {
		return
	}
	for _, k := range ks.all {
		k.mu.Lock()
		k.over = true
		k.alarms.stop()
		k.epoll.ring() // in the lock, or the bell might be closed already, and its descriptor another's
		k.mu.Unlock()
		<-k.ended
	}
}

// one is the next event loop in turn.
func (ks *eventLoops) one() *eventLoop { return ks.all[int(ks.next.Add(1))%len(ks.all)] }

// add gives a connection to the loop, which may be at it before add returns. If its socket cannot
// be watched it is to be told to abort.
func (k *eventLoop) add(l *loopConn) syscall.Errno {
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
	return k.watch(l, wire.FromClient)
}

// watch begins to watch a socket.
func (k *eventLoop) watch(l *loopConn, at wire.Direction) syscall.Errno {
	return k.epoll.watch(syscall.EPOLL_CTL_ADD, int(l.ends[at].fd), l.token(at), watchRead)
}

// remove forgets a connection whose descriptors are closed. It reports whether no other is left.
func (k *eventLoop) remove(l *loopConn) (none bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.slots[l.slot] = nil
	k.free = append(k.free, l.slot)
	return len(k.free) == len(k.slots)
}

// tell has the loop look at what a connection is told. It may be called by any goroutine.
func (k *eventLoop) tell(l *loopConn, what order) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return
	}
	if l.told == 0 {
		if k.told = append(k.told, l); len(k.told) == 1 {
			k.epoll.ring()
		}
	}
	l.told |= what
}

// show has the goroutine of the loop call a function, and waits for it. It may be called by any other
// goroutine.
func (k *eventLoop) show(look func()) {
	done := make(chan struct{})
	k.mu.Lock()
	if k.over {
		k.mu.Unlock()
		return
	}
	if k.asked = append(k.asked, func() { look(); close(done) }); len(k.asked) == 1 {
		k.epoll.ring()
	}
	k.mu.Unlock()
	select {
	case <-done:
	case <-k.ended:
	}
}

func (k *eventLoop) run() {
	defer close(k.ended)
	defer k.epoll.close()
	defer k.closeSpare()
	if err := k.epoll.raw.Read(func(uintptr) bool { return k.turn() }); err != nil {
		panic(err) // the descriptor is ours, and open
	}
}

// mostRounds is how often a loop asks again for events before other goroutines have their turn.
const mostRounds = 8

// turn does what there is to do. It is true when the loop is to end, and false when it is to wait. A
// loop that was busy asks again at once: to be woken by the runtime's poller costs more than a call
// that finds nothing.
func (k *eventLoop) turn() (over bool) {
	for rounds := 1; ; rounds++ {
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
		case len(events) < 2 || rounds >= mostRounds && len(events) < len(k.epoll.events): // later events wake us
			return false
		}
	}
}

// happened lets the connections go on that something has happened to.
func (k *eventLoop) happened(events []syscall.EpollEvent) {
	var conns [len(k.epoll.events)]*loopConn
	k.mu.Lock()
	for i := range events {
		if token := events[i].Fd; token != bellToken {
			conns[i] = k.slots[token>>1]
		}
	}
	k.mu.Unlock()
	for i := range events {
		switch l := conns[i]; {
		case l != nil:
			l.happened(int(events[i].Fd&1), events[i].Events)
		case events[i].Fd == bellToken:
			k.rung()
		}
	}
}

// rung lets the connections do what they were told.
func (k *eventLoop) rung() {
	k.epoll.rung()
	k.mu.Lock()
	told, asked := k.told, k.asked
	k.told, k.asked = nil, nil
	k.mu.Unlock()
	for _, look := range asked {
		look()
	}
	for _, l := range told {
		k.mu.Lock()
		what := l.told
		l.told = 0
		k.mu.Unlock()
		l.obey(what)
	}
	k.tick()
}

// goOnLater has a connection go on when the others have had their turn.
func (k *eventLoop) goOnLater(l *loopConn) {
	if !l.queued {
		l.queued = true
		k.ready = append(k.ready, l)
	}
}
