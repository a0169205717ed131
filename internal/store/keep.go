package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// keepInterval is how often one of the instances folds and prunes.
const keepInterval = time.Minute

// keep folds and prunes until ctx ends, and creates the tables of the coming days. A step that
// fails is repeated the next time; the writer reports whether the store is available. Ages are
// measured by the monotonic clock from the start, so nothing expires because the time of day was
// set forward.
func (w *Writer) keep(ctx context.Context) {
	began := time.Now()
	now := func() time.Time { return began.Add(time.Since(began)) }
	every := time.NewTicker(keepInterval)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.full:
			_, _ = w.Store.pruneBy(ctx, w.Limits, now(), w.byDays(), w.gentle)
			continue
		case <-every.C:
		}
		w.tidy(ctx, now())
	}
}

// tidy folds, prunes and creates tables, unless another instance has done so within the interval. An instance that failed tries
// again even then: only so it learns that the store is kept up again.
func (w *Writer) tidy(ctx context.Context, now time.Time) {
	if ours, err := w.Store.lease(ctx, "tidy", w.session, keepInterval-5*time.Second); err != nil || !ours && w.State().Upkeep == nil {
		return
	}
	ahead := (days{w.Store}).ahead(ctx, now)
	folded := w.Store.failed("fold", w.Store.fold(ctx, now.Add(-silence)))
	_, pruned := w.Store.pruneBy(ctx, w.Limits, now, w.byDays(), w.gentle)
	if ctx.Err() != nil { // nothing is known of the store
		return
	}
	var failed error
	for _, err := range []error{ahead, folded, pruned} {
		switch {
		case err == nil:
			continue
		case !errors.Is(err, ErrDenied): // it does not answer, which is reported as such, or is busy: what is known holds
			return
		}
		if failed != nil {
			err = fmt.Errorf("%w; %w", failed, err) // in one line, for the log
		}
		failed = err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.Upkeep = failed
}

// byDays reports whether retention may delete whole days only: not if exchanges are kept for a few
// days.
func (w *Writer) byDays() bool { return w.Limits.withDefaults(w.Store.limits).Age >= 7*day }

// lease reports whether this instance may do for all instances what is named. If so, no other
// instance may for that long, by the clock of the database. A store in a file is used by few
// programs: each of them may.
func (s *Store) lease(ctx context.Context, name, holder string, length time.Duration) (bool, error) {
	if err := s.prepare(ctx); err != nil || s.dialect != postgres {
		return true, err
	}
	const clock = "CAST(EXTRACT(EPOCH FROM CURRENT_TIMESTAMP) * 1000 AS BIGINT)"
	result, err := s.pool().ExecContext(ctx, `INSERT INTO leases (name, holder, until) VALUES ($1, $2, `+clock+` + $3)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until WHERE leases.until <= `+clock, name, holder, length.Milliseconds())
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// gentle reports whether the store is pruned as fast as it grows.
func (w *Writer) gentle() bool { return len(w.full) == 0 }
