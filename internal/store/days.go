package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// In PostgreSQL the table exchanges has a partition for each day (UTC), so that retention drops
// tables instead of deleting rows. An exchange is in the partition of the time in its ID, a ULID.
// IDs of no such day are in partOther: those of other forms, and first exchanges of findings whose
// partition was dropped. IDs before the migration are in a partition of their own, which is named
// after the day at which it ends.
const (
	partDay    = "exchanges_"
	partOther  = "exchanges_other"
	partBefore = "exchanges_before_"
)

// daysAhead is how many days before its first exchange a partition is created. While no instance
// runs that long, exchanges go to partOther and are moved later.
const daysAhead = 3

// day is the length of a partition.
const day = 24 * time.Hour

// dayFormat is the form of a day in the name of a partition.
const dayFormat = "20060102"

// boundOf returns the least ID of that time and later ones: the first ten characters of a ULID.
func boundOf(t time.Time) string {
	var id ulid.ULID
	_ = id.SetTime(uint64(max(t.UnixMilli(), 0))) // it fails after the year 10889
	return id.String()[:10]
}

// A part is a partition of exchanges.
type part struct {
	name string
	end  time.Time // of the days in it; zero for partOther
}

// parsePart returns the partition of that name.
func parsePart(name string) part {
	p := part{name: name}
	if text, ok := strings.CutPrefix(name, partBefore); ok {
		p.end, _ = time.Parse(dayFormat, text)
	} else if t, err := time.Parse(dayFormat, strings.TrimPrefix(name, partDay)); err == nil {
		p.end = t.Add(day)
	}
	return p
}

// days are the partitions of a store.
type days struct{ *Store }

// parts returns the partitions, in the order of their names. There are none in SQLite, and in a
// database that does not support them.
func (d days) parts(ctx context.Context) (all []part, err error) {
	if d.dialect != postgres {
		return nil, nil
	}
	query := `SELECT part.relname FROM pg_inherits JOIN pg_class AS part ON part.oid = inhrelid JOIN pg_class AS whole ON whole.oid = inhparent
		WHERE whole.relname = 'exchanges' AND whole.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) ORDER BY part.relname`
	err = d.each(ctx, query, nil, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		all = append(all, parsePart(name))
		return err
	})
	return all, err
}

// ahead creates the partitions of that day and of the coming ones. Several instances may do so at
// the same time.
func (d days) ahead(ctx context.Context, now time.Time) error {
	all, err := d.parts(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	exists := map[string]bool{}
	before := time.Time{}
	for _, p := range all {
		exists[p.name] = true
		if strings.HasPrefix(p.name, partBefore) {
			before = p.end
		}
	}
	today := now.UTC().Truncate(day)
	for i := range daysAhead + 1 {
		begin := today.Add(time.Duration(i) * day)
		if exists[partDay+begin.Format(dayFormat)] || begin.Before(before) {
			continue
		}
		if err := d.alone(ctx, func(tx *sql.Tx) error { return createDay(ctx, tx, begin) }); err != nil {
			return d.failed("add a day to", err)
		}
	}
	return nil
}

// alone runs a change of the partitions in a transaction, unless another instance changes them at
// the moment. The change waits for locks only briefly, because writers wait behind it.
func (d days) alone(ctx context.Context, change func(*sql.Tx) error) error {
	return d.transact(ctx, func(tx *sql.Tx) error {
		var ours bool
		err := tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.exchanges', 0))").Scan(&ours)
		if err != nil || !ours {
			return err
		}
		if _, err := tx.ExecContext(ctx, "SET LOCAL lock_timeout = '1s'"); err != nil {
			return err
		}
		return change(tx)
	})
}

// endpointStatistics makes the database remember the 500 most frequent endpoints of a partition, so
// that it can estimate how rare one is.
const endpointStatistics = "ALTER COLUMN endpoint SET STATISTICS 500"

// createDay creates the partition of a day and moves its exchanges there from partOther. Meanwhile
// writers wait: one that had chosen partOther before would get an error.
func createDay(ctx context.Context, tx *sql.Tx, begin time.Time) error {
	name, from, to := partDay+begin.Format(dayFormat), boundOf(begin), boundOf(begin.Add(day))
	var there bool
	if err := tx.QueryRowContext(ctx, "SELECT to_regclass($1) IS NOT NULL", name).Scan(&there); err != nil || there {
		return err
	}
	return execute(ctx, tx,
		"CREATE TABLE "+name+" (LIKE exchanges INCLUDING DEFAULTS)",
		"ALTER TABLE "+name+" "+endpointStatistics,
		"LOCK TABLE ONLY exchanges IN SHARE ROW EXCLUSIVE MODE",
		"LOCK TABLE "+partOther+" IN ACCESS EXCLUSIVE MODE",
		"WITH moved AS (DELETE FROM "+partOther+" WHERE id >= '"+from+"' AND id < '"+to+"' RETURNING *) INSERT INTO "+name+" SELECT * FROM moved",
		"ALTER TABLE exchanges ATTACH PARTITION "+name+" FOR VALUES FROM ('"+from+"') TO ('"+to+"')")
}

// execute executes statements in order.
func execute(ctx context.Context, tx *sql.Tx, statements ...string) error {
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
