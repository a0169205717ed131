package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/trace"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/proxy"
)

func serveCommand() *cobra.Command {
	var ascii bool
	cmd := &cobra.Command{
		Use:     "serve --backend URL",
		Short:   "stand in front of a backend and judge its upgrade exchanges",
		Example: "  interlock serve --backend http://127.0.0.1:3000\n  interlock serve --config configs/interlock.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			out := newOutput(cmd.OutOrStdout(), c.Log, ascii)
			defer out.Close()
			return serve(cmd.Context(), c, out, func() (config, error) { return loadConfig(cmd) })
		},
	}
	configFlags(cmd)
	cmd.Flags().BoolVar(&ascii, "ascii", false, "no symbols outside ASCII")
	return cmd
}

// newRelay is the relay that a configuration asks for.
func newRelay(c *config, log zerolog.Logger, a *audit.Audit) (*proxy.Relay, *routing, error) {
	t, err := newRouting(c, a)
	if err != nil {
		return nil, nil, err
	}
	r := &proxy.Relay{
		Backend: t.first, Others: t.backends()[1:], Choose: t.chooser(), Observe: a.Observe, Log: log,
		Limits: proxy.Limits{
			Connections: c.Limits.Connections, Dial: c.Limits.Dial.Duration, Head: c.Limits.Head.Duration,
			FirstByte: c.Limits.FirstByte.Duration, HalfClosed: c.Limits.HalfClosed.Duration, Drain: c.Limits.Drain.Duration,
		},
	}
	return r, t, nil
}

// newAudit is the audit that a configuration asks for.
func newAudit(c config, log zerolog.Logger) *audit.Audit {
	instance := c.Instance
	if instance == "" {
		var b [4]byte
		rand.Read(b[:])
		instance = hex.EncodeToString(b[:])
	}
	return &audit.Audit{
		Options: c.ruleOptions(), Routes: c.routeOptions(), Instance: instance, Log: log,
		Bounds: audit.Bounds{Evidence: c.Evidence.Bytes, First: c.Evidence.First, Last: c.Evidence.Last, Endpoints: c.Evidence.Endpoints},
	}
}

// serving is what serve has running.
type serving struct {
	config  config
	out     *output
	ledger  *audit.Audit
	relay   *proxy.Relay
	probes  *prober
	traces  *trace.Tracer // nil: none are sent
	metrics *web.Metrics
	states  *liveStates
	picture *picture
	running sync.WaitGroup
	errc    chan error // one for each part that may fail; none waits
}

// serve runs everything until ctx ends, or until one part cannot go on. Load reads the configuration again.
func serve(ctx context.Context, c config, out *output, load func() (config, error)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	s := &serving{config: c, out: out, ledger: newAudit(c, out.log)}
	var t *routing
	var err error
	if s.relay, t, err = newRelay(&c, out.log, s.ledger); err != nil {
		return err
	}
	kept, err := newKeeping(ctx, &c, s.ledger.Instance, out.log)
	if err != nil {
		return err
	}
	kept.attach(s.ledger)
	if s.states, err = newLiveStates(ctx, &c, kept.store, out.log); err != nil {
		return err
	}
	s.ledger.State = s.states.set
	token, err := c.adminToken()
	if err != nil {
		return err
	}
	open, err := openDoors(ctx, &c)
	if err != nil {
		return err
	}
	if err = c.Admin.isSafe(open.admin, token); err == nil {
		err = s.observe(ctx, kept.writer)
	}
	if err != nil {
		open.close()
		return err
	}
	reload := &reloader{serving: s, load: load, file: c.file, stamp: c.stamp}
	reload.open()
	began := time.Now()
	scheme := "http"
	if len(c.TLS.Certificates) > 0 {
		scheme = "https"
	}
	out.banner(scheme+"://"+open.reverse[0].Addr().String(), c.Backend, addressOf(open.forward), c.Admin.scheme()+"://"+open.admin.Addr().String())
	out.log.Info().Str("version", version()).Str("instance", s.ledger.Instance).Str("listen", open.reverse[0].Addr().String()).
		Str("admin", open.admin.Addr().String()).Str("forward", addressOf(open.forward)).Str("backend", t.first.String()).Msg("listening")
	c.warn(out.log)
	s.states.expired()
	s.probes = &prober{ledger: s.ledger, log: out.log, kept: kept, traces: s.traces, metrics: s.metrics}
	s.probes.use(&c, t.backends())
	s.errc = make(chan error, len(open.reverse)+4) // the listeners, the admin addresses, the forward listener, the watch
	admin, err := s.administer(ctx, open, token, kept, reload, s.metrics.Handler())
	if err == nil {
		s.observed(admin)
		err = s.start(ctx, open, admin, reload)
	}
	if err != nil {
		open.close()
		s.traces.Close()
		return err
	}
	storing, stored := s.keep(ctx, kept)
	failed := error(nil)
	select {
	case <-ctx.Done():
	case failed = <-s.errc: // when one ends, the others have to
		stop()
	}
	out.log.Info().Int("connections", s.relay.Open()).Msg("draining")
	failed = errors.Join(failed, s.wait(s.relay.Limits.Drain+overdue))
	s.traces.Close()
	storing()
	unstored := <-stored
	if unstored != nil {
		out.log.Error().Err(unstored).Msg("not everything is in the store")
	}
	s.states.left()
	failed = errors.Join(append(s.failures(), failed)...)
	if failed = errors.Join(failed, unstored); failed != nil {
		failed = unknown("%w", failed)
	}
	out.summary(s.ledger, &s.relay.Counts, time.Since(began))
	return failed
}

// keep writes to the store until it is told that nothing more comes.
func (s *serving) keep(ctx context.Context, kept *keeping) (over func(), stored <-chan error) {
	done := make(chan error, 1)
	ctx, over = context.WithCancel(context.WithoutCancel(ctx)) // what ends last has to be written
	go func() { done <- kept.run(ctx) }()
	return over, done
}

// start lets every part run in a goroutine of its own.
func (s *serving) start(ctx context.Context, open *doors, admin *web.Server, reload *reloader) error {
	forward, err := newForward(&s.config.Forward, s.relay, open.own())
	if err != nil {
		return usage("forward: %w", err)
	}
	first := s.config.firstListener()
	for i, ln := range open.reverse {
		c := first
		if i > 0 {
			c = &s.config.Listeners[i-1]
		}
		l, err := c.listener(ln, s.out.log)
		if err != nil {
			return usage("%w", err)
		}
		s.running.Go(func() { s.errc <- s.relay.ServeListener(ctx, l) })
	}
	s.running.Go(func() { s.errc <- admin.Serve(ctx, open.admin) })
	if open.open != nil {
		s.running.Go(func() { s.errc <- admin.ServeOpen(ctx, open.open) })
	}
	if open.forward != nil {
		s.running.Go(func() { s.errc <- forward.Serve(ctx, open.forward) })
	}
	s.running.Go(func() { s.errc <- reload.watch(ctx) })
	return nil
}

// warn says loudly what makes the answers worth less, or the way less safe.
func (c *config) warn(log zerolog.Logger) {
	for name, t := range c.backendTLS() {
		if t.Insecure {
			log.Warn().Str("route", name).Msg("backend certificate is not checked")
		}
	}
	if c.Forward.isOpen() {
		log.Warn().Str("forward", c.Forward.Listen).Msg("forward listener asks nobody for credentials")
	}
}

// warnings are what warn says, for people.
func (c *config) warnings() []string {
	all := []string{}
	for name, t := range c.backendTLS() {
		if t.Insecure {
			all = append(all, "the certificate of the backend of route "+name+" is not checked")
		}
	}
	slices.Sort(all)
	if c.Forward.isOpen() {
		all = append(all, "the forward listener "+c.Forward.Listen+" asks nobody for credentials")
	}
	if c.Evidence.Keep == keepFull {
		all = append(all, "secrets and payload are kept: evidence.keep is full")
	}
	return all
}

// backendTLS is how TLS is spoken with the backend of each route.
func (c *config) backendTLS() map[string]*backendTLSConfig {
	all := map[string]*backendTLSConfig{"default": &c.BackendTLS}
	for i := range c.Routes {
		all[c.Routes[i].Name] = &c.Routes[i].BackendTLS
	}
	return all
}

// isTerminal tells whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}
