package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
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

// The steps of pruning take about half a millisecond each in a file, so that neither writers nor requests wait longer for
// one.
const (
	pruneStep  = 20   // rows of a file
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
			if _, err := s.shrink(ctx, &p, table, pass.before, pass.all, gentle, func() bool { return true }); err != nil {
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

// limit deletes the oldest exchanges while there are too many, or too many bytes. It counts only exchanges, so the size of a
// file is an estimate until they are gone: another round deletes what is still too much.
func (s *Store) limit(ctx context.Context, p *Pruned, l Limits, now time.Time, gentle pace) error {
	size, err := s.sizeInSteps(ctx)
	for err == nil {
		was, most := *p, l
		if most.Bytes, err = s.room(ctx, l.Bytes, size.Bytes); err != nil {
			return err
		}
		var alone bool
		if alone, err = s.limitOnce(ctx, p, most, size, now, gentle); s.path == "" || !alone || p.Exchanges == was.Exchanges {
			break
		}
		size.Exchanges, size.Bytes = size.Exchanges-(p.Exchanges-was.Exchanges), size.Bytes-(p.Bytes-was.Bytes)
	}
	return err
}

// limitOnce deletes what is over the limits if the store has that size. It returns false if another instance deletes at the
// same time: how much is left is then unknown, and left to that one.
func (s *Store) limitOnce(ctx context.Context, p *Pruned, l Limits, size Size, now time.Time, gentle pace) (alone bool, err error) {
	was := *p
	excess := func() (exchanges, bytes int64) {
		if bytes = size.Bytes - (p.Bytes - was.Bytes) - l.Bytes; l.Count > 0 {
			exchanges = size.Exchanges - (p.Exchanges - was.Exchanges) - l.Count
		}
		return exchanges, bytes
	}
	over := func() bool {
		exchanges, bytes := excess()
		return exchanges > 0 || bytes > 0
	}
	switch alone, err := (days{s}).reduce(ctx, p, now, excess); {
	case isForbidden(err): // rows are deleted instead
	case err != nil || !alone:
		return false, err
	}
	s.pruned.Add(p.Exchanges - was.Exchanges)
	for _, all := range []bool{false, true} { // the first exchanges of findings only if nothing else is left
		if alone, err = s.shrink(ctx, p, "exchanges", now.AddDate(1000, 0, 0).UnixMilli(), all, gentle, over); err != nil || !alone {
			break
		}
	}
	return alone, err
}

// shrink deletes the oldest exchanges of a table before that time while there are too many. Unless all is set,
// it spares the first exchange of each finding. If another instance deletes them at the same time,
// it leaves the rest to that one and returns false.
func (s *Store) shrink(ctx context.Context, p *Pruned, table string, before int64, all bool, gentle pace, over func() bool) (alone bool, err error) {
	query := "SELECT id, bytes FROM " + table + " WHERE time < $1"
	if !all {
		query += " AND NOT EXISTS (SELECT 1 FROM findings WHERE findings.first_id = " + table + ".id)"
	}
	for over() {
		began := time.Now()
		ids, err := s.oldest(ctx, query, before, p, over)
		if err != nil || len(ids) == 0 {
			return true, err
		}
		w := &where{dialect: s.dialect}
		for i := range ids {
			w.add(w.arg(ids[i]))
		}
		n, err := s.erase(ctx, "id IN ("+strings.Join(w.terms, ", ")+")", w.args)
		s.pruned.Add(n)
		if err != nil || n < int64(len(ids)) {
			return false, err
		}
		if err := gentle.rest(ctx, began); err != nil {
			return true, err
		}
	}
	return true, nil
}

// erase deletes exchanges and returns how many there were. What was counted of partitions is
// reduced.
func (s *Store) erase(ctx context.Context, condition string, args []any) (n int64, err error) {
	statement := "DELETE FROM exchanges WHERE " + condition
	if s.dialect == sqlite {
		return s.discard(ctx, statement, args...)
	}
	err = s.pool().QueryRowContext(ctx, "WITH gone AS ("+statement+` RETURNING tableoid, bytes),
			less AS (SELECT relname, COUNT(*) AS exchanges, SUM(gone.bytes) AS bytes FROM gone JOIN pg_class ON pg_class.oid = gone.tableoid GROUP BY relname),
			counted AS (UPDATE exchange_sizes SET exchanges = exchange_sizes.exchanges - less.exchanges, bytes = exchange_sizes.bytes - less.bytes
				FROM less WHERE part = relname)
		SELECT COUNT(*) FROM gone`, args...).Scan(&n)
	return n, err
}

// oldest returns the exchanges to delete next, and counts them as deleted.
func (s *Store) oldest(ctx context.Context, query string, before int64, p *Pruned, over func() bool) (ids []string, err error) {
	step := pruneMany
	if s.dialect == sqlite {
		step = pruneStep
	}
	err = s.each(ctx, fmt.Sprintf("%s ORDER BY time, id LIMIT %d", query, step), []any{before}, func(scan func(...any) error) error {
		var id string
		var bytes int64
		if err := scan(&id, &bytes); err != nil || !over() {
			return err
		}
		ids = append(ids, id)
		p.Exchanges++
		p.Bytes += bytes
		return nil
	})
	return ids, err
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

// vacuum returns free space of an SQLite file to the file system, if that is a fifth of it or more.
func (s *Store) vacuum(ctx context.Context, gentle pace) error {
	if s.dialect != sqlite {
		return nil
	}
	for returned := false; ; returned = true {
		began := time.Now()
		var free, all int64
		if err := s.pool().QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil {
			return err
		}
		if err := s.pool().QueryRowContext(ctx, "PRAGMA page_count").Scan(&all); err != nil {
			return err
		}
		if free == 0 || free < all/5 {
			if !returned {
				return nil
			}
			_, err := s.pool().ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)") // until then the file is as long as before
			return err
		}
		rows, err := s.pool().QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumStep))
		if err != nil {
			return err
		}
		for rows.Next() {
		}
		if err := rows.Close(); err != nil {
			return err
		}
		was := free
		if err := s.pool().QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil || free >= was {
			return err // as in memory
		}
		if err := gentle.rest(ctx, began); err != nil {
			return err
		}
	}
}

// grow counts written exchanges, and requests pruning when they are a sixteenth of the limit. The
// lock is held.
func (w *Writer) grow(written []*waiting) {
	for _, is := range written {
		w.grown.Bytes += is.size
	}
	w.grown.Exchanges += int64(len(written))
	l := w.Limits.withDefaults(w.Store.limits)
	if w.grown.Bytes < l.Bytes/16 && (l.Count == 0 || w.grown.Exchanges < l.Count/16) {
		return
	}
	w.grown = Size{}
	select {
	case w.full <- struct{}{}:
	default: // pruning was already requested
	}
}
