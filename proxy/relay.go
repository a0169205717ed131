package proxy

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/wire"
)

// A Relay carries the connections of one or more listeners to backends. Its fields must not be
// changed once Serve has been called.
type Relay struct {
	Backend *Backend   // of everything that Choose has no other one for
	Others  []*Backend // those that Choose may give: none may be a listener of this relay, and all that speak TLS must be here

	// Choose finds the backend of a connection by its first head; nil: all go to Backend. A reason
	// beside a backend is logged, one without is said to the client, who gets a 421. It is called
	// by many goroutines, and must always give the same backend for the same arrival.
	Choose func(*Arrival) (b *Backend, reason string)

	Observe func(*wire.Exchange)                // gets every report of an exchange; called by many goroutines, must not block
	Denied  func(route string, q *wire.Request) // gets requests without an offer that got 401 or 403, as Observe is called; may be nil

	Limits Limits
	Log    zerolog.Logger
	Counts wire.Counts

	once    sync.Once
	routes  atomic.Pointer[routeTable]
	terms   terms
	asides  wire.Asides
	pool    wire.Pool
	buffers bufferPool
	slots   chan struct{} // one token for each open connection; its capacity is the limit
	open    atomic.Int64
	pipes   atomic.Int64 // that are open; see maxPipes
	tidied  atomic.Int64 // how many exchanges there had been when memory was given back last
	rare    limitedLog
	hooks   hooks
	own     claims // the connections to the backend

	mu        sync.Mutex
	listeners []netip.AddrPort // where connections come from
	conns     map[*conn]struct{}
}

// hooks are for tests: which driver connections have, and what the event loops take for the
// sockets' calls.
type hooks struct {
	goroutines bool // never the event loops
	calls      calls
}

// Limits are the bounds in time and number of a [Relay]. A zero field stands for the default beside
// it.
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

// connectionLimit is how many connections the descriptor limit of the process allows: each takes
// one descriptor on either side.
func connectionLimit() int { return max((descriptorLimit()-reservedFDs)/2, leastAllowed) }

func (r *Relay) start() {
	r.once.Do(func() {
		r.Limits = r.Limits.withDefaults()
		r.Backend.ready()
		r.routes.Store(newRouteTable(r.Backend, r.Others, r.Choose))
		r.slots = make(chan struct{}, r.Limits.Connections)
		r.conns = map[*conn]struct{}{}
		r.own.start()
		r.asides = wire.Asides{Moved: r.moved, Denied: r.Denied}
		r.terms = terms{limits: &r.Limits, pool: &r.pool, began: time.Now(), isOwn: r.own.has, say: r.say}
	})
}

// Open is how many client connections are open.
func (r *Relay) Open() int { return int(r.open.Load()) }

// Tunnels returns the exchanges of the tunnels that are open, as they would be reported at this
// moment: at most that many, the latest first. It also returns how many there are in all. It must
// not be called from within Observe.
func (r *Relay) Tunnels(most int) (all []*wire.Exchange, open int) {
	return latest(r.connections(), most)
}

// Tunnel returns the exchange with that ID as it would be reported at this moment, if its tunnel is
// open, else nil. It must not be called from within Observe.
func (r *Relay) Tunnel(id string) *wire.Exchange {
	for _, t := range openTunnels(r.connections(), id) {
		return t.glance()
	}
	return nil
}

// Limit is how many may be open at the same time. The relay's fields must not be changed after it.
func (r *Relay) Limit() int {
	r.start()
	return r.Limits.Connections
}

// Reroute lets the connections that come from here on go where these fields of a [Relay] would let
// them; those that are open keep their backend. An error says that one of the backends is a
// listener of the relay, and then nothing changes.
func (r *Relay) Reroute(ctx context.Context, backend *Backend, others []*Backend, choose func(*Arrival) (*Backend, string)) error {
	r.start()
	r.mu.Lock()
	listeners := append([]netip.AddrPort(nil), r.listeners...)
	r.mu.Unlock()
	var failed error
	for _, own := range listeners {
		failed = errors.Join(failed, refuseOwn(ctx, append([]*Backend{backend}, others...), own))
	}
	if failed == nil {
		backend.ready()
		r.routes.Store(newRouteTable(backend, others, choose))
	}
	return failed
}
