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

// keeping is the store that serve writes to.
type keeping struct {
	store  *store.Store
	writer *store.Writer
	log    zerolog.Logger

	urgent sync.Map // rulings that were written before they were logged
}

// newKeeping opens the store and readies what writes to it.
func newKeeping(ctx context.Context, c *config.Config, instance string, log zerolog.Logger) (*keeping, error) {
	named := *c
	named.Instance = instance
	s, err := config.OpenStore(ctx, &named, store.Options{Later: true})
	if err != nil {
		return nil, err
	}
	w := &store.Writer{Store: s, Limits: c.Retention.Limits(), FindingsOnly: c.Evidence.Keep == config.KeepNone}
	return &keeping{store: s, writer: w, log: log}, nil
}

// attach lets everything that the audit finds be written. What is unsafe is logged when the store has it, unless the store is
// memory, which has nothing for good.
func (k *keeping) attach(a *audit.Audit) {
	a.Each = func(r *rules.Ruling) {
		if _, written := k.urgent.LoadAndDelete(r); !written {
			k.writer.Write(r)
		}
	}
	if k.store.String() == "memory" {
		return
	}
	a.Store = func(r *rules.Ruling, then func(bool)) {
		k.urgent.Store(r, nil) // Each gets it too
		k.writer.WriteThen(r, then)
	}
}

// run writes until ctx ends, and then what still waits. It says when the store stops taking things, and when it does again.
func (k *keeping) run(ctx context.Context) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		k.watch(watching)
	}()
	err := k.writer.Run(ctx)
	stop()
	<-watched
	if closed := k.store.Close(); err == nil {
		err = closed
	}
	return err
}

// lookAfter is how often it is looked how the store is: a person reads what is said of it.
const lookAfter = time.Second

func (k *keeping) watch(ctx context.Context) {
	ticker := time.NewTicker(lookAfter)
	defer ticker.Stop()
	reachable, lost := true, int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s := k.writer.State()
		if s.LostExchanges+s.LostFindings > lost { // it may be back before anybody looks
			lost = s.LostExchanges + s.LostFindings
			k.log.Error().Int64("exchanges", s.LostExchanges).Int64("findings", s.LostFindings).Msg("store was lost and made anew")
		}
		if errors.Is(s.Err, store.ErrReplaced) && !reachable {
			_ = k.store.Restore(ctx) // State says what came of it
		}
		if s.Reachable == reachable {
			continue
		}
		if reachable = s.Reachable; reachable {
			k.log.Info().Int64("shed", s.Shed).Int64("lostExchanges", s.LostExchanges).Int64("lostFindings", s.LostFindings).Msg("store is back")
		} else {
			k.log.Error().Err(s.Err).Int("findings", s.Findings).Int("exchanges", s.Waiting).Msg("store takes nothing")
		}
	}
}
