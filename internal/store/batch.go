package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// A batch is written in one transaction and does not change. Its number shows whether it was
// written if the end of the transaction is unknown.
type batch struct {
	session   string // the name under which its writer counts findings
	began     time.Time
	number    int64
	findings  tallies
	minutes   cells
	exchanges []*waiting
	runs      map[string]Run
	results   map[resultKey]Result
	endpoints map[endpointKey]Endpoint
	then      []*promise // for exchanges that are not kept
	beat      *heartbeat // nil: none is due
	every     int64      // the interval of heartbeats in milliseconds
	more      bool       // more exchanges are waiting
}

func (b *batch) empty() bool {
	return len(b.findings.waiting)+len(b.minutes.waiting)+len(b.exchanges)+len(b.runs)+len(b.results)+len(b.endpoints)+len(b.then) == 0 && b.beat == nil
}

// put sets a value of a map, and creates the map if it is nil.
func put[K comparable, V any](to *map[K]V, key K, value V) {
	if *to == nil {
		*to = map[K]V{}
	}
	(*to)[key] = value
}

// write writes a batch. Repeated calls write it only once.
func (s *Store) write(ctx context.Context, b *batch) (refused int, err error) {
	if s.replaced() {
		if err := s.Restore(ctx); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrReplaced, s.dialect.describe(err))
		}
	}
	if err := s.prepare(ctx); err != nil {
		return 0, err
	}
	exchanges, size := make([][]any, 0, len(b.exchanges)), Size{}
	for _, is := range b.exchanges {
		row, err := exchangeRow(is.ruling, &s.passed)
		if err != nil {
			refused++
			continue
		}
		exchanges = append(exchanges, row)
		size = Size{size.Exchanges + 1, size.Bytes + int64(row[3].(int))}
	}
	runs, err := runRows(b.runs)
	if err != nil {
		return 0, err
	}
	var trimmed *trimming
	err = s.transactOn(ctx, func(conn *sql.Conn, tx *sql.Tx) error {
		written, err := s.begin(ctx, tx, b)
		if err != nil || written {
			return err
		}
		if trimmed, err = s.trim(ctx, tx); err != nil {
			return err
		}
		for _, part := range []struct {
			upsert upsert
			rows   [][]any
		}{
			{upsertFindings(), b.findings.rows(b.session)}, {upsertExchanges(), exchanges}, {upsertRuns(), runs},
			{upsertResults(), resultRows(b.results)}, {upsertEndpoints(), endpointRows(b.endpoints)}, {upsertMinutes(), b.minutes.rows()},
		} {
			if err := s.send(ctx, conn, tx, part.upsert, part.rows); err != nil {
				return err
			}
		}
		return trimmed.run(ctx, tx, size)
	})
	trimmed.end(err == nil)
	switch {
	case err != nil:
		s.dropped(err)
	case s.replaced(): // perhaps before it was written
		err = ErrReplaced
	case s.path != "":
		s.remember()
	}
	return refused, err
}

// transact runs f in a transaction.
func (s *Store) transact(ctx context.Context, f func(*sql.Tx) error) error {
	return transactBy(ctx, s.pool(), f)
}

// transactBy runs f in a transaction of one of the connections, or of one connection.
func transactBy(ctx context.Context, by interface {
	BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error)
}, f func(*sql.Tx) error) error {
	tx, err := by.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the first error matters more
		return err
	}
	return tx.Commit()
}
