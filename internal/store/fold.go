package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// silence is the time after which the findings of a silent instance are folded into those of all
// silent ones.
const silence = 24 * time.Hour

// folded is the name of the instance that holds the findings of silent ones.
const folded = "(folded)"

// maxFolded is the maximum number of instances folded at once.
const maxFolded = 100

// fold adds the findings of instances that have been silent since then to those of one instance. An
// instance that comes back waits for the lock of its own row (see begin), and then counts anew.
func (s *Store) fold(ctx context.Context, since time.Time) error {
	if _, err := s.identity(ctx); err != nil {
		return err
	}
	return patiently(ctx, func() (bool, error) {
		return false, s.transact(ctx, func(tx *sql.Tx) error { return s.foldSilent(ctx, tx, since) })
	})
}

func (s *Store) foldSilent(ctx context.Context, tx *sql.Tx, since time.Time) error {
	silent, err := s.silent(ctx, tx, since)
	if err != nil || len(silent) == 0 {
		return err
	}
	into, err := s.folding(ctx, tx)
	if err != nil {
		return err
	}
	w := &where{dialect: s.dialect, args: []any{into}}
	for _, id := range silent {
		w.add(w.arg(id))
	}
	these := "instance IN (" + strings.Join(w.terms, ", ") + ")"
	if _, err := tx.ExecContext(ctx, sumUp+these+sumUpInto, w.args...); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM findings WHERE instance <> $1 AND "+these, w.args...)
	return err
}

// The statement that adds the findings of some instances to another one. The first and last
// exchange are the least and greatest ID, as IDs grow with time.
const (
	sumUp = `INSERT INTO findings (run, fingerprint, instance, rule, probe, route, endpoint, verdict, severity, party, unsafe, count,
			first_seen, last_seen, first_id, last_id, detail, state)
		SELECT run, fingerprint, CAST($1 AS TEXT), rule, probe, route, endpoint, MIN(verdict), 9 - CAST(SUBSTR(` + worst + `, 2, 1) AS BIGINT),
			CAST(SUBSTR(` + worst + `, 3, 1) AS BIGINT), MAX(unsafe), CAST(SUM(count) AS BIGINT), MIN(first_seen), MAX(last_seen), MIN(first_id),
			MAX(last_id), SUBSTR(` + worst + `, 4), ` + lastState + `
		FROM findings WHERE `
	sumUpInto = ` GROUP BY run, fingerprint, rule, probe, route, endpoint ORDER BY run, fingerprint
		ON CONFLICT (run, fingerprint, instance) DO UPDATE SET count = findings.count + excluded.count, ` + worse
)

// worst is the worst of some rows as a text, in the form of the column of that name of
// finding_sums.
const worst = "MIN(CAST(verdict AS TEXT) || CAST(9 - severity AS TEXT) || CAST(party AS TEXT) || detail)"

// lastState selects the state of the latest row: times have equal lengths, so the greatest time
// with its state appended is the latest.
const lastState = "SUBSTR(MAX(CAST(1000000000000000 + last_seen AS TEXT) || state), 17)"

// silent marks the instances that have been silent since then as folded, which locks their rows,
// and returns them.
func (s *Store) silent(ctx context.Context, tx *sql.Tx, since time.Time) (ids []string, err error) {
	rows, err := tx.QueryContext(ctx, `UPDATE instances SET folded = 1 WHERE id IN (
			SELECT id FROM instances WHERE seen < $1 AND folded = 0 AND name NOT IN ($2, $3) ORDER BY id LIMIT $4`+s.dialect.skip()+`)
		AND seen < $1 AND folded = 0 RETURNING id`, since.UnixMilli(), folded, imported, maxFolded)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// folding returns the instance that silent ones are folded into, and locks its row.
func (s *Store) folding(ctx context.Context, tx *sql.Tx) (id string, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE instances SET seen = $1 WHERE id = (SELECT MIN(id) FROM instances WHERE name = $2) RETURNING id`,
		time.Now().UnixMilli(), folded).Scan(&id)
	return id, err
}

// identity returns the name of the store among others: the ID of the instance that silent ones are
// folded into.
func (s *Store) identity(ctx context.Context) (id string, err error) {
	if err := s.prepare(ctx); err != nil {
		return "", s.failed("read", err)
	}
	err = patiently(ctx, func() (bool, error) {
		return false, s.transact(ctx, func(tx *sql.Tx) error {
			id, err = s.identify(ctx, tx)
			return err
		})
	})
	return id, s.failed("read", err)
}

// identify returns the name of the store, and creates it if necessary.
func (s *Store) identify(ctx context.Context, tx *sql.Tx) (id string, err error) {
	if id, err = s.folding(ctx, tx); !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	made := ulid.MustNew(ulid.Now(), rand.Reader).String()
	_, err = tx.ExecContext(ctx, "INSERT INTO instances (id, name, version, began, seen, batch, folded) VALUES ($1, $2, '', $3, $3, 0, 0)",
		made, folded, time.Now().UnixMilli())
	if err != nil {
		return "", err
	}
	return s.folding(ctx, tx)
}
