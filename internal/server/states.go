package server

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/baseline"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/rules"
)

// liveStates sets the states of findings. Findings of the baseline, and those in the store at the
// start, are known.
type liveStates struct {
	log zerolog.Logger

	mu     sync.Mutex
	states accept.States
	cover  accept.Coverage
}

// readKnown limits the time for reading the findings of the store.
const readKnown = 10 * time.Second

func newLiveStates(ctx context.Context, c *config.Config, s *store.Store, log zerolog.Logger) (*liveStates, error) {
	l := &liveStates{log: log, states: accept.States{Entries: c.Accepted, Baseline: new(accept.Findings), Now: time.Now()}}
	l.cover.Expected = c.Expected
	ctx, cancel := context.WithTimeout(ctx, readKnown)
	defer cancel()
	b := baseline.Reader{Screen: terminal.NewScreen(io.Discard, io.Discard), Opened: s}
	for _, name := range c.Baseline {
		if err := b.Read(ctx, name, l.states.Baseline); err != nil {
			return nil, exit.Usage("baseline: %w", err)
		}
	}
	err := web.Known(ctx, s, store.Query{}, l.states.Baseline)
	if errors.Is(err, store.ErrUnreachable) {
		log.Warn().Err(err).Msg("what the store has is not known, and counts as new")
		err = nil
	}
	if err != nil {
		return nil, exit.Unknown("%w", err)
	}
	return l, nil
}

// set sets the states of the findings of a ruling that the caller owns.
func (l *liveStates) set(r *rules.Ruling) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states.Now = time.Now()
	l.states.Set(r)
	l.cover.Enter(r)
}

// accept replaces the accepted entries and the expectations.
func (l *liveStates) accept(entries []accept.Entry, expected []accept.Expectation) {
	l.mu.Lock()
	l.states.Accept(entries)
	l.cover.Expect(expected)
	l.mu.Unlock()
	l.expired()
}

// expired logs the entries that have expired.
func (l *liveStates) expired() {
	l.mu.Lock()
	l.states.Now = time.Now()
	remarks := l.states.Expired()
	l.mu.Unlock()
	for _, remark := range remarks {
		l.log.Warn().Str("entry", remark).Msg("accepted finding expired")
	}
}

// left logs at the end which entries accepted nothing, and which expected endpoints did not switch.
func (l *liveStates) left() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, remark := range l.states.Remarks() {
		l.log.Warn().Str("entry", remark).Msg("entry accepted nothing")
	}
	for _, e := range l.cover.Missing() {
		l.log.Warn().Str("endpoint", e.String()).Str("place", e.Place).Msg("expected endpoint did not switch")
	}
}
