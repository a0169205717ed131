package server

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/hop"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// hopBytes limits the exchanges in memory that wait for their other side.
const hopBytes = 64 << 20

// The intervals of comparing. Reading the store takes at most a tenth of the time.
const (
	hopInterval = 250 * time.Millisecond
	hopIdle     = 10 // times what the last reading took
	hopFresh    = 3 * time.Second
	hopSweep    = 16 // intervals after which all that wait are looked for, not only fresh ones
	hopEnd      = 2 * time.Second
	hopRead     = 20_000 // exchanges at a time
	hopOpen     = 100    // ends of tunnels at a time
)

// Hops compares both sides of proxies in live traffic.
type Hops struct {
	audit *audit.Audit
	store *store.Store // may be nil
	reads atomic.Bool  // the store has the far side, not this process
	log   zerolog.Logger

	rounds int
	took   time.Duration // of the last reading
}

// NewHops prepares comparing, and gives the audit the sides. The store may be nil.
func NewHops(c *config.Config, a *audit.Audit, s *store.Store, log zerolog.Logger) *Hops {
	h := &Hops{audit: a, store: s, log: log}
	a.Hops = audit.NewHops(hopBytes)
	h.configure(c)
	return h
}

// configure takes the sides from a configuration. It may be called while others use h.
func (h *Hops) configure(c *config.Config) {
	h.audit.Hops.Configure(sidesOf(c))
	h.reads.Store(h.store != nil && c.Instance == config.HopEdge && !hasInner(c))
}

// Near reports whether an exchange is on the near side of a proxy, and may be judged once more.
func (h *Hops) Near(x *wire.Exchange) bool { return h.audit.Hops.Near(x) }

// sidesOf returns the sides of proxies that a configuration names.
func sidesOf(c *config.Config) (all hop.Side, routes map[string]hop.Side) {
	routes = map[string]hop.Side{}
	for i := range c.Routes {
		if side := sideOf(c.Routes[i].Hop); side != hop.NoSide {
			routes[c.Routes[i].Name] = side
		}
	}
	return sideOf(c.Instance), routes
}

func sideOf(name string) hop.Side {
	switch name {
	case config.HopEdge:
		return hop.NearTo
	case config.HopInner:
		return hop.FarFrom
	}
	return hop.NoSide
}

func hasInner(c *config.Config) bool {
	for i := range c.Routes {
		if c.Routes[i].Hop == config.HopInner {
			return true
		}
	}
	return false
}

// run compares until ctx ends. It sleeps while no exchange waits.
func (h *Hops) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.audit.Hops.Stir():
		}
		for h.audit.Hops.Waits() {
			select {
			case <-ctx.Done():
				return
			case <-time.After(max(hopInterval, hopIdle*h.took)):
			}
			h.round(ctx)
		}
	}
}

// round compares what is known.
func (h *Hops) round(ctx context.Context) {
	h.read(ctx)
	h.audit.Compare(false)
}

// read reads the far side from the store, as far as exchanges of the near side wait for it. What cannot
// be read is read later: the log says that the store does not answer.
func (h *Hops) read(ctx context.Context) {
	if !h.reads.Load() {
		return
	}
	began, reported := time.Now(), time.Time{}
	if h.rounds++; h.rounds%hopSweep != 0 {
		reported = began.Add(-hopFresh)
	}
	far := func(r *rules.Ruling) error {
		h.audit.Hops.Stored(r)
		return nil
	}
	if since := h.audit.Hops.Since(reported); !since.IsZero() {
		_ = h.store.Rulings(ctx, store.Query{
			Instance: config.HopInner, Origin: string(wire.OriginLive), Since: since.Add(-h.audit.Hops.Live.Within), Newest: true, Limit: hopRead,
			Skip: h.audit.Hops.Has,
		}, far)
	}
	for _, id := range h.audit.Hops.Open(hopOpen) {
		if r, err := h.store.Ruling(ctx, id); err == nil {
			_ = far(r)
		}
	}
	h.took = time.Since(began)
}

// End compares what is left, after the last exchange has been reported. The other Interlock may still
// be about to store its side of it.
func (h *Hops) End(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), overdue)
	defer cancel()
	for began, paired := time.Now(), int64(0); h.reads.Load(); {
		h.rounds = -1 // look for all
		h.round(ctx)
		was := paired
		if paired = h.audit.Hops.Counts().Paired; !h.audit.Hops.Waits() || paired == was && time.Since(began) > hopEnd {
			break
		}
		time.Sleep(hopInterval)
	}
	h.audit.Compare(true)
	if n := h.audit.Hops.Counts(); n != (hop.Counts{}) {
		h.log.Info().Int64("paired", n.Paired).Int64("alone", n.Alone).Int64("shed", n.Shed).Msg("both sides of the hop compared")
	}
}
