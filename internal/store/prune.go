package store

import (
	"context"
	"database/sql"
	"time"
)

// Limits bound the evidence that a store keeps. The default of a zero field is in its comment.
// Findings, runs, probe results, learned endpoints and the first exchange of each finding are kept
// twelve times as long.
type Limits struct {
	Age   time.Duration // 30 days
	Count int64         // exchanges; as many as there is room for, 10,000 in memory
	Bytes int64         // 1 GiB; 64 MiB in memory; of an SQLite file all of it, otherwise the exchanges
}

// keepSmall is how much longer small things are kept.
const keepSmall = 12

func (l Limits) withDefaults(of Limits) Limits {
	if l.Age <= 0 {
		l.Age = 30 * 24 * time.Hour
	}
	if l.Bytes <= 0 {
		l.Bytes = of.Bytes
	}
	if l.Count <= 0 {
		l.Count = of.Count
	}
	if l.Bytes <= 0 {
		l.Bytes = 1 << 30
	}
	return l
}

// Pruned counts what was deleted.
type Pruned struct {
	Exchanges int64
	Bytes     int64
}

// The steps of pruning are small, so that neither writers nor requests wait long for one: of a file about half a millisecond, or
// two if the file grows faster than it is pruned.
const (
	pruneStep  = 20   // rows of a file
	pruneFast  = 100  // rows of a file that grows faster, which cost half as much each
	pruneMany  = 250  // rows of a server, where a step is a round trip
	countStep  = 2000 // rows that are counted and not changed
	vacuumStep = 20   // pages
)

// A pace reports whether pruning is gentle: it then uses a twentieth of a processor or less, otherwise at most half of one.
type pace func() (gentle bool)

// rest pauses after a step that began then.
func (p pace) rest(ctx context.Context, began time.Time) error {
	took := time.Since(began)
	if p() {
		return pause(ctx, min(max(20*took, 5*time.Millisecond), 50*time.Millisecond))
	}
	return pause(ctx, min(max(took, time.Millisecond), 10*time.Millisecond))
}

// hurried does not slow down for requests.
func hurried() bool { return false }

// Prune deletes what exceeds the limits, oldest first and a little at a time. Several instances may
// prune at the same time.
func (s *Store) Prune(ctx context.Context, l Limits) (Pruned, error) {
	return s.pruneAt(ctx, l, time.Now(), false)
}

// pruneAt prunes with ages measured at that time. If byDays is set and the store has a table for
// each day, it deletes a day only as a whole: up to a day later, without reading its exchanges.
func (s *Store) pruneAt(ctx context.Context, l Limits, now time.Time, byDays bool) (Pruned, error) {
	return s.pruneBy(ctx, l, now, byDays, hurried)
}

// pruneBy is pruneAt at that pace.
func (s *Store) pruneBy(ctx context.Context, l Limits, now time.Time, byDays bool, gentle pace) (p Pruned, err error) {
	if err := s.prepare(ctx); err != nil {
		return p, s.failed("prune", err)
	}
	l = l.withDefaults(s.limits)
	old, ancient := now.Add(-l.Age).UnixMilli(), now.Add(-keepSmall*l.Age).UnixMilli()
	d := days{s}
	switch err := d.expire(ctx, &p, old, ancient); {
	case isForbidden(err):
		byDays = false // their rows are deleted instead
	case err != nil:
		return p, s.failed("prune", err)
	}
	s.pruned.Add(p.Exchanges)
	from, err := d.mixed(ctx, byDays)
	if err != nil {
		return p, err
	}
	for _, table := range from {
		for _, pass := range []struct {
			before int64
			all    bool
		}{{ancient, true}, {old, false}} {
			if _, err := s.shrink(ctx, &p, table, pass.before, pass.all, gentle, endless{}); err != nil {
				return p, s.failed("prune", err)
			}
		}
	}
	if err := s.limit(ctx, &p, l, now, gentle); err != nil {
		return p, s.failed("prune", err)
	}
	if err := s.pruneSmall(ctx, old, ancient); err != nil {
		return p, s.failed("prune", err)
	}
	return p, s.failed("prune", s.vacuum(ctx, gentle))
}

// pause waits between two steps, or returns why pruning must stop.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// pruneSmall deletes old counts, and everything that is kept longest, in one transaction: there is
// little of it.
func (s *Store) pruneSmall(ctx context.Context, old, before int64) error {
	defer s.summed.forget()
	return s.transact(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			"DELETE FROM findings WHERE last_seen < $1", "DELETE FROM probe_results WHERE time < $1", "DELETE FROM endpoints WHERE seen < $1",
			"DELETE FROM runs WHERE began < $1", "DELETE FROM instances WHERE seen < $1 AND name <> '" + folded + "'",
		} {
			if _, err := tx.ExecContext(ctx, statement, before); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM minutes WHERE minute < $1", old/60_000)
		return err
	})
}
