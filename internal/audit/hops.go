package audit

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/interlock-proxy/interlock/internal/hop"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Hops compares what both sides of a proxy see of live traffic. An exchange of the near side is judged
// at once, and once more when its other side is known: see [Audit.Compare]. A nil Hops has no sides.
// All methods are safe for concurrent use.
type Hops struct {
	Live hop.Live // its fields are set before the first use

	sides atomic.Pointer[sides]
	stir  chan struct{} // holds one value: an exchange waits for its other side

	mu sync.Mutex // locks Live; held while an exchange of the near side is judged
}

// sides are the sides of routes.
type sides struct {
	all    hop.Side // of routes that have none of their own
	routes map[string]hop.Side
	near   bool // there is a near one
}

// NewHops returns a Hops that remembers exchanges of at most that many bytes.
func NewHops(bytes int64) *Hops {
	return &Hops{stir: make(chan struct{}, 1), Live: hop.Live{Within: 5 * time.Second, Settle: time.Second / 2, Keep: time.Minute, Bytes: bytes}}
}

// Configure sets on which side of a proxy exchanges are seen: those of some routes, and all others.
func (h *Hops) Configure(all hop.Side, routes map[string]hop.Side) {
	if all == hop.NoSide && len(routes) == 0 {
		h.sides.Store(nil)
		return
	}
	near := all == hop.NearTo
	for _, side := range routes {
		near = near || side == hop.NearTo
	}
	h.sides.Store(&sides{all, routes, near})
}

// side is the side of the proxy on which an exchange was seen.
func (h *Hops) side(x *wire.Exchange) hop.Side {
	if h == nil {
		return hop.NoSide
	}
	s := h.sides.Load()
	if s == nil || x.Origin != wire.OriginLive {
		return hop.NoSide
	}
	if side, own := s.routes[x.Route]; own {
		return side
	}
	return s.all
}

// Near reports whether an exchange is on the near side of a proxy.
func (h *Hops) Near(x *wire.Exchange) bool { return h.side(x) == hop.NearTo }

// Stir returns a channel that has a value when an exchange begins to wait for its other side.
func (h *Hops) Stir() <-chan struct{} { return h.stir }

// Waits reports whether there is something to compare, or something to wait for.
func (h *Hops) Waits() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Live.Waits()
}

// Since returns when the first of the exchanges began that look for their other side and were reported
// after a time; zero if there is none.
func (h *Hops) Since(reported time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Live.Since(reported)
}

// Open returns the IDs of exchanges of the far side whose end is waited for, at most that many.
func (h *Hops) Open(most int) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Live.Open(most)
}

// Has reports whether everything about an exchange of the far side is known.
func (h *Hops) Has(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Live.Has(id)
}

// Counts returns what became of the exchanges of the near side.
func (h *Hops) Counts() hop.Counts {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Live.Counts()
}

// Stored takes the ruling of another Interlock on an exchange of the far side, as a store returns it.
func (h *Hops) Stored(r *rules.Ruling) { h.take(r, true) }

func (h *Hops) take(far *rules.Ruling, stored bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Live.Far(far, stored, time.Now())
	if h.Live.Waits() {
		h.wake()
	}
}

func (h *Hops) wake() {
	select {
	case h.stir <- struct{}{}:
	default:
	}
}

// far takes a ruling on an exchange of the far side, if there is a near side here.
func (h *Hops) far(r *rules.Ruling) {
	if s := h.sides.Load(); s != nil && s.near {
		h.take(r, false)
	}
}

// near remembers a ruling on an exchange of the near side, and returns it with what the other side
// saw, if that is known. The lock is held.
func (h *Hops) near(a *Audit, r *rules.Ruling) *rules.Ruling {
	h.Live.Near(r, time.Now())
	h.wake()
	if s := h.Live.Known(r.X.ID); s != nil && s.Other != nil {
		return h.join(a, s)
	}
	return r
}

// told records the result of an exchange of the near side. The lock is held.
func (h *Hops) told(r *rules.Ruling) {
	if s := h.Live.Known(r.X.ID); s != nil {
		s.Before = r.Before.Then(r)
	}
}

// join returns the ruling on an exchange with what the rules about proxies find in it and its other
// side. It has the revision of the last report, raised by the amendments so far.
func (h *Hops) join(a *Audit, s *hop.Sighting) *rules.Ruling {
	x := *s.Ruling.X
	x.Hop = &wire.Hop{Far: s.Other.Ruling.X, Blanked: s.Other.Blanked}
	x.Revision += s.Amended
	judged := &x
	if s.Other.Blanked { // as the other side is known
		if stored := hop.Stored(s.Ruling); stored != nil {
			stored.Hop, judged = x.Hop, stored
		}
	}
	found := rules.Classify(rules.Case{X: judged, Options: a.OptionsOf(x.Route), HopOnly: true})
	return s.Ruling.Join(&x, found)
}

// Compare pairs exchanges of both sides of a proxy, and judges those of the near side once more whose
// pair is new or has changed: the findings of the rules about proxies are counted and logged as those
// of a later report of the same exchange. The last time, nothing waits any longer.
func (a *Audit) Compare(last bool) {
	h := a.Hops
	h.mu.Lock()
	due := h.Live.Due(time.Now(), last)
	h.mu.Unlock()
	for _, s := range due {
		h.mu.Lock() // for each of them, because reports of others wait for it
		a.amend(s)
		h.mu.Unlock()
	}
}

// amend judges an exchange once more. The lock of the hops is held.
func (a *Audit) amend(s *hop.Sighting) {
	s.Amended++
	is := a.Hops.join(a, s)
	is.Before = s.Before
	if a.State != nil {
		a.State(is)
	}
	a.mu.Lock()
	lines := a.enter(nil, is)
	a.mu.Unlock()
	a.tell(is, lines)
	if a.Each != nil {
		a.Each(is)
	}
	s.Before = cmp.Or(is.Before, s.Before).Then(is)
}
