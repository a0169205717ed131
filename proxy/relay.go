package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/wire"
)

// A Relay carries the connections of one or more listeners to backends. Its fields must not be changed once Serve has
// been called.
type Relay struct {
	Backend *Backend   // of everything that Choose has no other one for
	Others  []*Backend // those that Choose may give, as far as they are known at the start: none may be a listener of this relay

	// Choose finds the backend of a connection by its first head; nil: all go to Backend. A reason beside a backend is
	// logged, one without is said to the client, who gets a 421. It is called by many goroutines, and must always give
	// the same backend for the same arrival.
	Choose func(*Arrival) (b *Backend, reason string)

	Observe func(*wire.Exchange) // gets every report of an exchange; called by many goroutines, must not block

	Limits Limits
	Log    zerolog.Logger
	Counts wire.Counts

	once    sync.Once
	ways    atomic.Pointer[way]
	pool    wire.Pool
	buffers sync.Pool     // of *[bufferSize]byte
	slots   chan struct{} // one token for each open connection; its capacity is the limit
	open    atomic.Int64
	pipes   atomic.Int64 // that are open; see maxPipes
	tidied  atomic.Int64 // how many exchanges there had been when memory was given back last
	rare    limitedLog
	hooks   hooks
	seed    maphash.Seed // of claims
	began   time.Time    // with a monotonic reading

	mu        sync.Mutex
	listeners []netip.AddrPort // where connections come from
	conns     map[*conn]struct{}
	own       map[claim]struct{} // the connections to the backend
}

// hooks are for tests: which way connections are carried, and what the carriers take for the sockets' calls.
type hooks struct {
	goroutines bool // never by carriers
	late       bool // by carriers only behind a 101
	calls      calls
}

// Limits are the bounds in time and number of a [Relay]. A zero field stands for the default beside it.
type Limits struct {
	Connections int           // open at the same time; (descriptor limit − 256) / 2
	Dial        time.Duration // to connect to the backend; 10 s
	Head        time.Duration // from the first byte of a request head to its last; 30 s
	FirstByte   time.Duration // from the start of a connection to its first byte; 5 min
	HalfClosed  time.Duration // without a byte once one side has ended; 5 min
	Drain       time.Duration // from the end of ctx to the end of everything; 20 s
}

// Own bounds that nobody needs to set.
const (
	bufferSize   = 16 << 10 // of one read
	lingerFor    = time.Second
	lingerBytes  = 256 << 10
	reservedFDs  = 256 // for listeners, the admin address, the store
	leastAllowed = 16  // connections, however low the descriptor limit is
)

func (l Limits) withDefaults() Limits {
	set := func(field *time.Duration, value time.Duration) {
		if *field <= 0 {
			*field = value
		}
	}
	set(&l.Dial, 10*time.Second)
	set(&l.Head, 30*time.Second)
	set(&l.FirstByte, 5*time.Minute)
	set(&l.HalfClosed, 5*time.Minute)
	set(&l.Drain, 20*time.Second)
	if l.Connections <= 0 {
		l.Connections = connectionLimit()
	}
	return l
}

// connectionLimit is how many connections the descriptor limit of the process allows: each takes one descriptor on
// either side.
func connectionLimit() int { return max((descriptorLimit()-reservedFDs)/2, leastAllowed) }

// descriptorLimit is how many descriptors the process may have; few if nobody knows.
func descriptorLimit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 2 * leastAllowed
	}
	return int(min(limit.Cur, 1<<20))
}

func (r *Relay) start() {
	r.once.Do(func() {
		r.Limits = r.Limits.withDefaults()
		r.Backend.ready()
		r.ways.Store(newWay(r.Backend, r.Others, r.Choose))
		r.slots = make(chan struct{}, r.Limits.Connections)
		r.conns = map[*conn]struct{}{}
		r.own = map[claim]struct{}{}
		r.seed, r.began = maphash.MakeSeed(), time.Now()
	})
}

// Open is how many client connections are open.
func (r *Relay) Open() int { return int(r.open.Load()) }

// Limit is how many may be open at the same time. The relay's fields must not be changed behind it.
func (r *Relay) Limit() int {
	r.start()
	return r.Limits.Connections
}

// A Listener is where connections come from, and how they begin.
type Listener struct {
	net.Listener
	TLS     *tls.Config           // nil: cleartext. Only http/1.1 is agreed to
	PassH2  func(sni string) bool // whether TLS of clients that want HTTP/2 goes to the backend as it is, unaudited; nil: none does
	Trusted []netip.Prefix        // peers whose connections must begin with a header of the PROXY protocol; empty: none
}

// Serve is ServeListener for a listener in cleartext.
func (r *Relay) Serve(ctx context.Context, ln net.Listener) error {
	return r.ServeListener(ctx, Listener{Listener: ln})
}

// ServeListener carries the connections that ln accepts, until ctx ends. Then it stops accepting, lets what is under way come to
// an end for as long as Limits.Drain says, and returns when nothing that it started is alive. It closes ln. The error is
// nil unless the relay could not start or the listener broke.
//
// A relay may serve several listeners, each by a call of its own. They end together: the end of one, by its ctx or because it
// broke, also drains the connections that came by the others. Use a relay for each to end them one by one.
//
// ln may be of any type. Only what a [net.TCPListener] accepts in cleartext is carried by event loops; goroutines carry
// everything else.
func (r *Relay) ServeListener(ctx context.Context, ln Listener) error {
	defer ln.Close()
	ln.TLS = listening(ln.TLS)
	r.start()
	if err := r.refuseOwnListener(ctx, ln.Addr()); err != nil {
		return err
	}
	var running sync.WaitGroup
	carriers, err := r.startCarriers(&running)
	if err != nil {
		return err
	}
	defer carriers.end()
	tidying, stop := context.WithCancel(ctx)
	running.Go(func() { r.tidy(tidying, tidyAfter) })
	err = carriers.accept(ctx, r, &ln, func(client socket) {
		c := r.newConn(client)
		c.via, c.carriers = &ln, carriers
		running.Go(func() { c.serve(ctx) })
	})
	stop()
	r.drain(&running)
	return err
}

// accept hands each connection to serve, which must not block, and takes a slot for it before.
func (r *Relay) accept(ctx context.Context, ln net.Listener, serve func(socket)) error {
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	for {
		if !r.takeSlot(ctx) {
			return nil
		}
		if over, err := r.acceptOne(ctx, ln, serve); over {
			return err
		}
	}
}

// acceptOne hands on the next connection. The slot for it is taken. It reports whether there will be no more.
func (r *Relay) acceptOne(ctx context.Context, ln net.Listener, serve func(socket)) (over bool, err error) {
	client, err := ln.Accept()
	if err != nil {
		return r.cannotAccept(ctx, ln, err)
	}
	serve(asSocket(client))
	return false, nil
}

// cannotAccept gives back the slot of a connection that did not come, and waits a moment if more may come.
func (r *Relay) cannotAccept(ctx context.Context, ln net.Listener, err error) (over bool, failed error) {
	r.giveSlot()
	if ctx.Err() != nil {
		return true, nil
	}
	if !temporary(err) {
		return true, fmt.Errorf("accept on %q: %w", ln.Addr(), err)
	}
	r.rare.log("accept", r.Log.Error().Err(err), "cannot accept")
	pause(ctx, 100*time.Millisecond)
	return false, nil
}

// temporary reports whether a failed accept says nothing about the listener: the client had gone, or descriptors are short.
func temporary(err error) bool {
	for _, e := range []syscall.Errno{syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// takeSlot waits until there is room for one more connection; it is false if ctx ends before.
func (r *Relay) takeSlot(ctx context.Context) bool {
	select {
	case r.slots <- struct{}{}:
		return true
	default:
	}
	r.rare.log("limit", r.Log.Error().Int("connections", r.Open()), "connection limit reached")
	select {
	case r.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// moved warns when the backend sends clients to its own address: what they do there is not seen.
func (r *Relay) moved(location string) {
	for _, scheme := range []string{"http://", "ws://"} {
		if rest, ok := strings.CutPrefix(location, scheme); ok {
			authority, _, _ := strings.Cut(rest, "/")
			if r.ways.Load().backend.is(withPort(authority)) {
				r.rare.log("moved", r.Log.Warn().Str("backend", r.Backend.String()), "backend redirects clients past this proxy")
			}
		}
	}
}

func (r *Relay) giveSlot() { <-r.slots }

// limitedLog lets one line through each minute for each key. Its keys are constants of the program.
type limitedLog struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func (l *limitedLog) log(key string, e *zerolog.Event, message string) {
	l.mu.Lock()
	now := time.Now()
	due := now.Sub(l.last[key]) >= time.Minute
	if due {
		if l.last == nil {
			l.last = map[string]time.Time{}
		}
		l.last[key] = now
	}
	l.mu.Unlock()
	if due {
		e.Msg(message)
	} else {
		e.Discard().Send()
	}
}
