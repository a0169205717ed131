package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/event"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/internal/trace"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/proxy"
)

// NewRelay returns the relay for a configuration.
func NewRelay(c *config.Config, log zerolog.Logger, a *audit.Audit) (*proxy.Relay, *Routing, error) {
	t, err := newRouting(c, a, c.Messages())
	if err != nil {
		return nil, nil, err
	}
	r := &proxy.Relay{
		Backend: t.first, Others: t.Backends()[1:], Choose: t.chooser(), Observe: a.Observe, Denied: a.Denied, Log: log,
		Limits: proxy.Limits{
			Connections: c.Limits.Connections, Dial: c.Limits.Dial.Duration, Head: c.Limits.Head.Duration,
			FirstByte: c.Limits.FirstByte.Duration, HalfClosed: c.Limits.HalfClosed.Duration, Drain: c.Limits.Drain.Duration,
		},
	}
	return r, t, nil
}

// NewAudit returns an audit with the options of a configuration. Emit gets its events and may be
// nil.
func NewAudit(c config.Config, emit func(event.Event)) *audit.Audit {
	instance := c.Instance
	if instance == "" {
		var b [4]byte
		rand.Read(b[:])
		instance = hex.EncodeToString(b[:])
	}
	return &audit.Audit{
		Options: c.RuleOptions(), Routes: c.RouteOptions(), Instance: instance, Emit: emit,
		Bounds: audit.Bounds{Evidence: int64(c.Evidence.Bytes), First: c.Evidence.First, Last: c.Evidence.Last, Endpoints: c.Evidence.Endpoints},
	}
}

// Serving is a running serve.
type Serving struct {
	config  config.Config
	Out     *terminal.Output
	audit   *audit.Audit
	Relay   *proxy.Relay
	probes  *Prober
	traces  *trace.Tracer  // nil: none are sent
	rulings *trace.Rulings // nil: none are sent
	metrics *web.Metrics
	states  *liveStates
	hops    *Hops
	status  *statusView
	routing *Routing // the first one
	Running sync.WaitGroup
	Errc    chan error // one error for each part that may fail; sending never blocks
}

// Serve runs everything until ctx ends, or until one part fails. load reads the configuration
// again.
func Serve(ctx context.Context, c config.Config, out *terminal.Output, load func() (config.Config, error)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &Serving{config: c, Out: out, audit: NewAudit(c, out.Emit)}
	var t *Routing
	var err error
	if s.Relay, t, err = NewRelay(&c, out.Log, s.audit); err != nil {
		return err
	}
	s.routing = t
	kept, err := newStorage(ctx, &c, s.audit.Instance, out.Log)
	if err != nil {
		return err
	}
	kept.attach(s.audit)
	s.hops = NewHops(&c, s.audit, kept.store, out.Log)
	if s.states, err = newLiveStates(ctx, &c, kept.store, out.Log); err != nil {
		return err
	}
	s.audit.State = s.states.set
	token, err := c.ReadAdminToken()
	if err != nil {
		return err
	}
	open, err := openListeners(ctx, &c)
	if err != nil {
		return err
	}
	if err = c.Admin.IsSafe(open.admin, token); err == nil {
		err = s.observe(ctx, kept)
	}
	if err != nil {
		open.close()
		return err
	}
	reload := &reloader{Serving: s, load: load, file: c.File, stamp: c.Stamp}
	reload.open()
	began := time.Now()
	out.Banner(s.scheme()+"://"+open.reverse[0].Addr().String(), c.Backend, addressOf(open.forward), c.Admin.Scheme()+"://"+open.admin.Addr().String())
	out.Emit(event.Event{Kind: event.Listening, Listen: &event.Listen{
		Version: version.String(), Instance: s.audit.Instance, Listen: open.reverse[0].Addr().String(), Admin: open.admin.Addr().String(),
		Forward: addressOf(open.forward), Backend: t.first.String(),
	}})
	c.Warn(out.Log)
	s.states.expired()
	s.probes = &Prober{Audit: s.audit, Emit: out.Emit, kept: kept, traces: s.traces, metrics: s.metrics}
	s.probes.Use(&c, t.Backends())
	s.Errc = make(chan error, len(open.reverse)+4) // the listeners, the admin addresses, the forward listener, the watch
	admin, err := s.administer(ctx, open, token, kept, reload, s.metrics.Handler())
	if err == nil {
		s.observed(admin)
		err = s.start(ctx, open, admin, reload)
	}
	if err != nil {
		open.close()
		s.traces.Close()
		s.rulings.Close()
		return err
	}
	storing, stored := s.keep(ctx, kept)
	failed := error(nil)
	select {
	case <-ctx.Done():
	case failed = <-s.Errc: // if one part fails, the others must end too
		stop()
	}
	hurrying := s.hurry()
	out.Log.Info().Int("connections", s.Relay.Open()).Msg("draining")
	failed = errors.Join(failed, s.Wait(s.Relay.Limits.Drain+overdue))
	hurrying()
	s.hops.End(ctx)
	s.traces.Close()
	s.rulings.Close()
	storing()
	unstored := <-stored
	if unstored != nil {
		out.Log.Error().Err(unstored).Msg("not everything is in the store")
	}
	s.states.left()
	failed = errors.Join(append(s.Failures(), failed)...)
	if failed = errors.Join(failed, unstored); failed != nil {
		failed = exit.Unknown("%w", failed)
	}
	out.Summary(s.audit, &s.Relay.Counts, time.Since(began))
	return failed
}

// scheme returns the scheme of the first listener.
func (s *Serving) scheme() string {
	if len(s.config.TLS.Certificates) > 0 {
		return "https"
	}
	return "http"
}

// keep writes to the store until it is told that there is nothing more to write.
func (s *Serving) keep(ctx context.Context, kept *storage) (over func(), stored <-chan error) {
	done := make(chan error, 1)
	ctx, over = context.WithCancel(context.WithoutCancel(ctx)) // the last rulings must be written, too
	go func() { done <- kept.run(ctx) }()
	return over, done
}

// start runs a part in a goroutine of its own.
func (s *Serving) start(ctx context.Context, open *listeners, admin *web.Server, reload *reloader) error {
	forward, err := newForward(&s.config.Forward, s.Relay, open.own())
	if err != nil {
		return exit.Usage("forward: %w", err)
	}
	first := s.config.FirstListener()
	for i, ln := range open.reverse {
		c := first
		if i > 0 {
			c = &s.config.Listeners[i-1]
		}
		l, err := c.Listener(ln, s.Out.Log)
		if err != nil {
			return exit.Usage("%w", err)
		}
		s.Running.Go(func() { s.Errc <- s.Relay.ServeListener(ctx, l) })
	}
	s.Running.Go(func() { s.Errc <- admin.Serve(ctx, open.admin) })
	if open.open != nil {
		s.Running.Go(func() { s.Errc <- admin.ServeOpen(ctx, open.open) })
	}
	if open.forward != nil {
		s.Running.Go(func() { s.Errc <- forward.Serve(ctx, open.forward) })
	}
	s.Running.Go(func() { s.Errc <- reload.watch(ctx) })
	s.Running.Go(func() { s.hops.run(ctx) })
	return nil
}
