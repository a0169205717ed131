package store

import (
	"context"
	"time"
)

// A Size is the amount of evidence in a store.
type Size struct {
	Exchanges int64
	Bytes     int64 // as retention counts them: of an SQLite file all pages in use, otherwise those of the exchanges
}

// Size returns the amount of evidence in the store. In PostgreSQL days that have ended are counted
// once a day.
func (s *Store) Size(ctx context.Context) (z Size, err error) {
	if s.path != "" {
		err := s.each(ctx, "SELECT COUNT(*), ("+usedBytes+") FROM exchanges", nil, func(scan func(...any) error) error { return scan(&z.Exchanges, &z.Bytes) })
		return z, err
	}
	d := days{s}
	all, err := d.parts(ctx)
	if err != nil {
		return z, err
	}
	if len(all) == 0 {
		err := s.each(ctx, sumSize+"exchanges", nil, func(scan func(...any) error) error { return scan(&z.Exchanges, &z.Bytes) })
		return z, err
	}
	sizes, err := d.sizes(ctx, all, time.Now())
	for _, of := range sizes {
		z.Exchanges, z.Bytes = z.Exchanges+of.Exchanges, z.Bytes+of.Bytes
	}
	return z, err
}

// sumSize sums up the exchanges of a table, whose name follows.
const sumSize = "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM "

// usedBytes selects the size of an SQLite file without its free pages.
const usedBytes = "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"

// used returns the size of a file without its free pages, and 0 for other stores.
func (s *Store) used(ctx context.Context) (n int64, err error) {
	if s.path == "" {
		return 0, nil
	}
	err = s.each(ctx, usedBytes, nil, func(scan func(...any) error) error { return scan(&n) })
	return n, err
}

// settled is the time after the end of a day at which hardly any of its exchanges is still written.
const settled = 6 * time.Hour

// sizes returns the sizes of partitions, in their order. It counts those that change and those
// whose count is older than a day.
func (d days) sizes(ctx context.Context, all []part, now time.Time) ([]Size, error) {
	counted := map[string]Size{}
	err := d.each(ctx, "SELECT part, exchanges, bytes FROM exchange_sizes WHERE counted > $1", []any{now.Add(-day).UnixMilli()}, func(scan func(...any) error) error {
		var name string
		var z Size
		err := scan(&name, &z.Exchanges, &z.Bytes)
		counted[name] = z
		return err
	})
	sizes := make([]Size, len(all))
	for i := 0; err == nil && i < len(all); i++ {
		is := all[i]
		var known bool
		rests := !is.end.IsZero() && is.end.Add(settled).Before(now)
		if sizes[i], known = counted[is.name]; known && rests {
			continue
		}
		err = d.pool().QueryRowContext(ctx, sumSize+is.name).Scan(&sizes[i].Exchanges, &sizes[i].Bytes)
		if isAbsent(err) { // it was dropped
			err = nil
			continue
		}
		if err == nil && rests {
			_, err = d.pool().ExecContext(ctx, `INSERT INTO exchange_sizes (part, exchanges, bytes, counted) VALUES ($1, $2, $3, $4)
				ON CONFLICT (part) DO UPDATE SET exchanges = excluded.exchanges, bytes = excluded.bytes, counted = excluded.counted`,
				is.name, sizes[i].Exchanges, sizes[i].Bytes, now.UnixMilli())
		}
	}
	return sizes, d.failed("measure", err)
}
