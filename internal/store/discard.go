package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"runtime"
	"slices"
)

// discard runs a transaction that deletes rows of SQLite. Of a file it does not wait for the disk: if the machine stops, the
// rows may be there again, and are deleted later.
func (s *Store) discard(ctx context.Context, f func(*sql.Tx) error) error {
	if s.path == "" {
		return s.transact(ctx, f)
	}
	conn, err := s.pool().Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA synchronous=normal"); err != nil {
		return err
	}
	err = transactBy(ctx, conn, f)
	// Whoever gets the connection next must be able to rely on the disk.
	if _, failed := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA synchronous=full"); failed != nil {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	return err
}

// sizeInSteps is Size for pruning. It counts an SQLite file in small steps, so that it does not hold a processor for long.
func (s *Store) sizeInSteps(ctx context.Context) (z Size, err error) {
	if s.dialect != sqlite {
		return s.Size(ctx)
	}
	const (
		count = "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM exchanges WHERE (time, id) > ($1, $2)"
		end   = "SELECT time, id FROM exchanges WHERE (time, id) > ($1, $2) ORDER BY time, id LIMIT 1 OFFSET $3"
	)
	from := []any{int64(minTime), ""}
	for more := true; more; {
		more = false
		to := []any{nil, nil}
		err := s.each(ctx, end, []any{from[0], from[1], countStep - 1}, func(scan func(...any) error) error {
			more = true
			return scan(&to[0], &to[1])
		})
		if err != nil {
			return z, err
		}
		query, args := count, from
		if more {
			query, args = count+" AND (time, id) <= ($3, $4)", slices.Concat(from, to)
		}
		err = s.each(ctx, query, args, func(scan func(...any) error) error {
			var part Size
			err := scan(&part.Exchanges, &part.Bytes)
			z.Exchanges, z.Bytes = z.Exchanges+part.Exchanges, z.Bytes+part.Bytes
			return err
		})
		if err != nil {
			return z, err
		}
		from = to
		runtime.Gosched()
	}
	return z, nil
}

// minTime is before all times.
const minTime = -1 << 62
