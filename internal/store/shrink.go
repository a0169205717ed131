package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// A position is a place in the order of exchanges by time.
type position struct {
	time int64
	id   string
}

// shrink deletes the oldest exchanges of a table before that time until the quota is met. Unless all is set, it spares the first
// exchange of each finding. If another instance deletes them from a server at the same time, it leaves the rest to that one and
// returns false.
func (s *Store) shrink(ctx context.Context, p *Pruned, table string, before int64, all bool, gentle pace, q quota) (alone bool, err error) {
	query := "SELECT id, bytes, time FROM " + table + " WHERE time < $1 AND (time, id) > ($2, $3)"
	if !all {
		query += " AND NOT EXISTS (SELECT 1 FROM findings WHERE findings.first_id = " + table + ".id)"
	}
	from := position{time: minTime}
	for q.over() {
		began := time.Now()
		step := pruneMany
		switch {
		case s.dialect == sqlite && gentle():
			step = pruneStep
		case s.dialect == sqlite:
			step = pruneFast
		}
		found, deleted, err := s.shrinkOnce(ctx, p, fmt.Sprintf("%s ORDER BY time, id LIMIT %d", query, step), before, &from, q)
		switch {
		case err != nil:
			return false, err
		case found == 0:
			return true, nil
		case deleted < found && s.dialect != sqlite:
			return false, nil
		}
		if err := q.measure(ctx, deleted < found); err != nil {
			return false, err
		}
		if err := gentle.rest(ctx, began); err != nil {
			return true, err
		}
	}
	return true, nil
}

// shrinkOnce deletes a few exchanges: in SQLite in one transaction, so that nothing else deletes them between.
func (s *Store) shrinkOnce(ctx context.Context, p *Pruned, query string, before int64, from *position, q quota) (found, deleted int64, err error) {
	was, reached := *p, *from
	step := func(by querier) error {
		*p, reached = was, *from
		ids, err := oldest(ctx, by, query, before, &reached, p, q)
		if found = int64(len(ids)); err != nil || found == 0 {
			return err
		}
		w := &where{dialect: s.dialect}
		for i := range ids {
			w.add(w.arg(ids[i]))
		}
		deleted, err = s.erase(ctx, by, "id IN ("+strings.Join(w.terms, ", ")+")", w.args)
		return err
	}
	if s.dialect == sqlite {
		err = s.discard(ctx, func(tx *sql.Tx) error { return step(tx) })
	} else {
		err = step(s.pool())
	}
	if err != nil {
		*p = was
		return 0, 0, err
	}
	if *from = reached; found == 0 {
		return 0, 0, nil
	}
	p.Exchanges, p.Bytes = was.Exchanges+deleted, was.Bytes+(p.Bytes-was.Bytes)*deleted/found
	s.pruned.Add(deleted)
	return found, deleted, nil
}

// A querier runs statements: in a transaction or each by itself.
type querier interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// erase deletes exchanges and returns how many there were. What was counted of partitions is
// reduced.
func (s *Store) erase(ctx context.Context, by querier, condition string, args []any) (n int64, err error) {
	statement := "DELETE FROM exchanges WHERE " + condition
	if s.dialect == sqlite {
		result, err := by.ExecContext(ctx, statement, args...)
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	}
	err = by.QueryRowContext(ctx, "WITH gone AS ("+statement+` RETURNING tableoid, bytes),
			less AS (SELECT relname, COUNT(*) AS exchanges, SUM(gone.bytes) AS bytes FROM gone JOIN pg_class ON pg_class.oid = gone.tableoid GROUP BY relname),
			counted AS (UPDATE exchange_sizes SET exchanges = exchange_sizes.exchanges - less.exchanges, bytes = exchange_sizes.bytes - less.bytes
				FROM less WHERE part = relname)
		SELECT COUNT(*) FROM gone`, args...).Scan(&n)
	return n, err
}

// oldest returns the exchanges to delete next, and counts them as deleted.
func oldest(ctx context.Context, by querier, query string, before int64, from *position, p *Pruned, q quota) (ids []string, err error) {
	rows, err := by.QueryContext(ctx, query, before, from.time, from.id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for q.over() && rows.Next() {
		var id string
		var bytes, at int64
		if err := rows.Scan(&id, &bytes, &at); err != nil {
			return nil, err
		}
		ids, *from = append(ids, id), position{at, id}
		p.Exchanges++
		p.Bytes += bytes
	}
	return ids, rows.Err()
}
