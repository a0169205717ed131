package store

import (
	"context"
	"database/sql"
	"strings"
	"time"
)

// expire drops the partitions of the days that ended before old, and counts what is gone. It moves
// exchanges that are kept longer to partOther: those that began since old although their ID is
// older and, unless they began before ancient, the first one of each finding.
func (d days) expire(ctx context.Context, p *Pruned, old, ancient int64) error {
	all, err := d.parts(ctx)
	if err != nil {
		return err
	}
	for _, is := range all {
		if is.end.IsZero() || is.end.UnixMilli() > old {
			continue
		}
		if _, err := d.drop(ctx, p, is.name, old, ancient); err != nil {
			return err
		}
	}
	return nil
}

// reduce drops the oldest partitions of days that have ended, as long as all of their content
// exceeds the limits. It spares the first exchange of each finding, and leaves the rest to the
// caller. It returns false if another instance drops partitions at the same time: how much is left
// is then unknown.
func (d days) reduce(ctx context.Context, p *Pruned, now time.Time, excess func() (exchanges, bytes int64)) (alone bool, err error) {
	all, err := d.parts(ctx)
	if err != nil {
		return false, err
	}
	sizes, err := d.sizes(ctx, all, now)
	for i := 0; err == nil && i < len(all); i++ {
		if all[i].end.IsZero() || all[i].end.After(now) {
			continue
		}
		exchanges, bytes := excess()
		if sizes[i].Exchanges > max(exchanges, 0) && sizes[i].Bytes > max(bytes, 0) {
			break
		}
		if alone, err = d.drop(ctx, p, all[i].name, forever, 0); err == nil && !alone {
			return false, nil
		}
	}
	return true, err
}

// forever is a time in milliseconds after all others.
const forever = 1 << 62

// drop drops a partition and counts what is gone. It returns false if another instance has dropped
// it, or changes partitions at the moment.
func (d days) drop(ctx context.Context, p *Pruned, name string, old, ancient int64) (dropped bool, err error) {
	var gone Pruned
	err = d.alone(ctx, func(tx *sql.Tx) error {
		var there bool
		if err := tx.QueryRowContext(ctx, "SELECT to_regclass($1) IS NOT NULL", name).Scan(&there); err != nil || !there {
			return err
		}
		if _, err := tx.ExecContext(ctx, "LOCK TABLE "+name+" IN SHARE ROW EXCLUSIVE MODE"); err != nil { // it can still be read
			return err
		}
		if err := tx.QueryRowContext(ctx, sumSize+name).Scan(&gone.Exchanges, &gone.Bytes); err != nil {
			return err
		}
		if err := execute(ctx, tx, "ALTER TABLE exchanges DETACH PARTITION "+name, "DELETE FROM exchange_sizes WHERE part = '"+name+"'"); err != nil {
			return err
		}
		for _, spared := range []struct {
			where string
			from  int64
		}{{"time >= $1 AND id IN (SELECT first_id FROM findings)", ancient}, {"time >= $1", old}} {
			var kept Pruned
			err := tx.QueryRowContext(ctx, "WITH kept AS (INSERT INTO exchanges SELECT * FROM "+name+" WHERE "+spared.where+
				" ON CONFLICT (id) DO NOTHING RETURNING bytes) "+sumSize+"kept", spared.from).Scan(&kept.Exchanges, &kept.Bytes)
			if err != nil {
				return err
			}
			gone.Exchanges, gone.Bytes = gone.Exchanges-kept.Exchanges, gone.Bytes-kept.Bytes
		}
		_, err := tx.ExecContext(ctx, "DROP TABLE "+name)
		dropped = err == nil
		return err
	})
	if dropped = dropped && err == nil; dropped {
		p.Exchanges, p.Bytes = p.Exchanges+gone.Exchanges, p.Bytes+gone.Bytes
	}
	return dropped, err
}

// mixed returns the tables whose old exchanges are deleted row by row: all, or with byDays those
// that are not of one day.
func (d days) mixed(ctx context.Context, byDays bool) (tables []string, err error) {
	all, err := d.parts(ctx)
	if err != nil || len(all) == 0 || !byDays {
		return []string{"exchanges"}, err
	}
	for _, is := range all {
		if is.name == partOther || strings.HasPrefix(is.name, partBefore) {
			tables = append(tables, is.name)
		}
	}
	return tables, nil
}
