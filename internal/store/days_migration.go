package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/pressly/goose/v3"
)

// versionDays is the version that divides exchanges into days. It is not an SQL file because it
// differs between the databases and depends on the day.
const versionDays = 107

// divideIntoDays returns the migration to versionDays.
func (s *Store) divideIntoDays() *goose.Migration {
	up := func(ctx context.Context, tx *sql.Tx) error {
		if err := execute(ctx, tx,
			// Who may do something that one instance does for all, and until when by the clock of the database.
			"CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until BIGINT NOT NULL)",
			// How much is in each partition of exchanges that hardly changes any more, and when that was counted.
			"CREATE TABLE exchange_sizes (part TEXT PRIMARY KEY, exchanges BIGINT NOT NULL, bytes BIGINT NOT NULL, counted BIGINT NOT NULL)",
		); err != nil || s.dialect != postgres {
			return err
		}
		return optionally(ctx, tx, func() error { return divide(ctx, tx, time.Now()) })
	}
	down := func(ctx context.Context, tx *sql.Tx) error {
		if err := execute(ctx, tx, "DROP TABLE exchange_sizes", "DROP TABLE leases"); err != nil || s.dialect != postgres {
			return err
		}
		return unite(ctx, tx)
	}
	return goose.NewGoMigration(versionDays, &goose.GoFunc{RunTx: up}, &goose.GoFunc{RunTx: down})
}

// optionally runs a change, and undoes it if the database does not support it.
func optionally(ctx context.Context, tx *sql.Tx, change func() error) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT optional"); err != nil {
		return err
	}
	err := change()
	if isUnsupported(err) {
		_, err = tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT optional")
	}
	return err
}

// exchangesIndexes are the indexes of exchanges, by name.
var exchangesIndexes = [...][2]string{
	{"exchanges_time", "(time, id, bytes)"},
	{"exchanges_run", "(run, time, id) WHERE run <> ''"},
	{"exchanges_broken", "(time, id) WHERE verdict < 3"},
	{"exchanges_list", "(time, id, verdict, severity, unsafe, status, protocol, outcome, origin, run, route, endpoint, probe)"},
	{"exchanges_explained", "(time, id, diagnoses, route, endpoint, run) WHERE diagnoses <> '[]'"},
}

// exchangesValues is an index of the values in each stretch of the table. It is small, costs little
// to write, and finds values that are rare; the others are found soon in an index by time. Other
// databases and releases before PostgreSQL 14 do not have it.
const exchangesValues = `CREATE INDEX exchanges_values ON exchanges USING brin (endpoint text_bloom_ops(n_distinct_per_range = 256),
	instance text_bloom_ops(n_distinct_per_range = 128), probe text_bloom_ops(n_distinct_per_range = 64), route text_bloom_ops(n_distinct_per_range = 16),
	protocol text_bloom_ops(n_distinct_per_range = 16), outcome text_bloom_ops(n_distinct_per_range = 16), status int8_bloom_ops(n_distinct_per_range = 16))
	WITH (pages_per_range = 64, autosummarize = on)`

// divide makes the table of exchanges a partition of a new one: the one for all IDs until tomorrow.
// It copies no rows, but checks their IDs and sorts their indexes again, in byte order.
func divide(ctx context.Context, tx *sql.Tx, now time.Time) error {
	tomorrow := now.UTC().Truncate(day).Add(day)
	was, first := partBefore+tomorrow.Format(dayFormat), tomorrow
	if err := execute(ctx, tx, "LOCK TABLE exchanges IN ACCESS EXCLUSIVE MODE", "ALTER TABLE exchanges RENAME TO "+was,
		"ALTER INDEX exchanges_pkey RENAME TO "+was+"_pkey"); err != nil {
		return err
	}
	for _, index := range exchangesIndexes {
		if _, err := tx.ExecContext(ctx, "ALTER INDEX "+index[0]+" RENAME TO "+was+"_"+index[0]); err != nil {
			return err
		}
	}
	var filled bool
	if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM "+was+")").Scan(&filled); err != nil {
		return err
	}
	if err := execute(ctx, tx, `ALTER TABLE `+was+` ALTER COLUMN id TYPE TEXT COLLATE "C"`,
		"CREATE TABLE exchanges (LIKE "+was+" INCLUDING DEFAULTS) PARTITION BY RANGE (id)", "ALTER TABLE exchanges ADD PRIMARY KEY (id)"); err != nil {
		return err
	}
	for _, index := range exchangesIndexes {
		if _, err := tx.ExecContext(ctx, "CREATE INDEX "+index[0]+" ON exchanges "+index[1]); err != nil {
			return err
		}
	}
	if err := optionally(ctx, tx, func() error { return execute(ctx, tx, exchangesValues) }); err != nil {
		return err
	}
	if err := execute(ctx, tx, "ALTER TABLE exchanges "+endpointStatistics, "CREATE TABLE "+partOther+" PARTITION OF exchanges DEFAULT"); err != nil {
		return err
	}
	if filled {
		bound := boundOf(tomorrow)
		if err := execute(ctx, tx, "WITH moved AS (DELETE FROM "+was+" WHERE id >= '"+bound+"' RETURNING *) INSERT INTO "+partOther+" SELECT * FROM moved",
			"ALTER TABLE exchanges ATTACH PARTITION "+was+" FOR VALUES FROM (MINVALUE) TO ('"+bound+"')"); err != nil {
			return err
		}
	} else {
		first = tomorrow.Add(-day)
		if _, err := tx.ExecContext(ctx, "DROP TABLE "+was); err != nil {
			return err
		}
	}
	for begin := first; !begin.After(tomorrow.Add((daysAhead - 1) * day)); begin = begin.Add(day) {
		if err := createDay(ctx, tx, begin); err != nil {
			return err
		}
	}
	return nil
}

// unite is the reverse of divide.
func unite(ctx context.Context, tx *sql.Tx) error {
	var kind string
	err := tx.QueryRowContext(ctx, "SELECT relkind FROM pg_class WHERE oid = to_regclass('exchanges')").Scan(&kind)
	if err != nil || kind != "p" {
		return err
	}
	if err := execute(ctx, tx, "ALTER TABLE exchanges RENAME TO exchanges_divided", "CREATE TABLE exchanges (LIKE exchanges_divided INCLUDING DEFAULTS)",
		"INSERT INTO exchanges SELECT * FROM exchanges_divided", "DROP TABLE exchanges_divided", "ALTER TABLE exchanges ADD PRIMARY KEY (id)"); err != nil {
		return err
	}
	for _, index := range exchangesIndexes {
		if _, err := tx.ExecContext(ctx, "CREATE INDEX "+index[0]+" ON exchanges "+index[1]); err != nil {
			return err
		}
	}
	return nil
}
