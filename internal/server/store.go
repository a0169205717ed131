package server

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// storage is the store that serve writes to.
type storage struct {
	store  *store.Store
	writer *store.Writer
	log    zerolog.Logger
	fleet  *fleet

	urgent sync.Map // rulings that were written before they were logged
}

// newStorage opens the store and prepares its writer.
func newStorage(ctx context.Context, c *config.Config, instance string, log zerolog.Logger) (*storage, error) {
	own := *c
	own.Instance = instance
	s, err := config.OpenStore(ctx, &own, store.Options{Later: true})
	if err != nil {
		return nil, err
	}
	w := &store.Writer{Store: s, Limits: c.Retention.Limits(), FindingsOnly: c.Evidence.Keep == config.KeepNone, Heartbeat: c.Heartbeat.Duration}
	return &storage{store: s, writer: w, log: log, fleet: newFleet(s, w, log)}, nil
}

// attach makes the audit write to the store. An unsafe ruling is logged after it is stored, unless
// the store is memory, which stores nothing durably.
func (s *storage) attach(a *audit.Audit) {
	a.Each = func(r *rules.Ruling) {
		if _, written := s.urgent.LoadAndDelete(r); !written {
			s.writer.Write(r)
		}
	}
	if s.store.String() == "memory" {
		return
	}
	a.Store = func(r *rules.Ruling, then func(bool)) {
		s.urgent.Store(r, nil) // Each also gets it
		s.writer.WriteThen(r, then)
	}
}

// run writes until ctx ends, and then the rest. It logs when the store becomes unavailable and
// available.
func (s *storage) run(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var watched sync.WaitGroup
	watched.Go(func() { s.watch(watching) })
	watched.Go(func() { s.fleet.watch(watching) })
	err := s.writer.Run(ctx)
	stop()
	watched.Wait()
	if closed := s.store.Close(); err == nil {
		err = closed
	}
	return err
}

// lookAfter is the interval of checks of the store: a person reads the log lines.
const lookAfter = time.Second

func (s *storage) watch(ctx context.Context) {
	ticker := time.NewTicker(lookAfter)
	defer ticker.Stop()
	reachable, lost, kept := true, int64(0), true
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := s.writer.State()
		if now.LostExchanges+now.LostFindings > lost { // it may be back before this check
			lost = now.LostExchanges + now.LostFindings
			s.log.Error().Int64("exchanges", now.LostExchanges).Int64("findings", now.LostFindings).Msg("store was lost and made anew")
		}
		if errors.Is(now.Err, store.ErrReplaced) && !reachable {
			_ = s.store.Restore(ctx) // State has the result
		}
		if now.Reachable && (now.Upkeep == nil) != kept {
			if kept = now.Upkeep == nil; kept {
				s.log.Info().Msg("store is kept up again")
			} else {
				s.log.Warn().Err(now.Upkeep).Msg("store is not kept up")
			}
		}
		if now.Reachable == reachable {
			continue
		}
		if reachable = now.Reachable; reachable {
			s.log.Info().Int64("shed", now.Shed).Int64("lostExchanges", now.LostExchanges).Int64("lostFindings", now.LostFindings).Msg("store is back")
		} else {
			s.log.Error().Err(now.Err).Int("findings", now.Findings).Int("exchanges", now.Waiting).Msg("store takes nothing")
		}
	}
}
