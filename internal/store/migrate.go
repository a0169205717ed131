package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versions is the table of applied migrations.
const versions = "interlock_schema"

// tables are the tables of a store. If one of them exists without versions, it belongs to another
// program.
const tables = "'instances', 'runs', 'exchanges', 'findings', 'probe_results', 'endpoints', 'minutes'"

// known are the versions that this program knows, oldest first.
func known() ([]int64, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var all []int64
	for _, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migration %q has no version: %w", name, err)
		}
		all = append(all, version)
	}
	all = append(all, versionDays)
	slices.Sort(all)
	return all, nil
}

// migrate brings the tables up to date. A schema of the next minor release is used as it is: it
// only adds. Beyond that it is [ErrNewer].
func (s *Store) migrate(ctx context.Context) error {
	return patiently(ctx, func() (again bool, err error) {
		pending, err := s.pending(ctx)
		if err != nil || !pending {
			return false, err
		}
		return true, s.apply(ctx) // if several programs create the tables at the same time, one of them does it
	})
}

// patiently calls f until it succeeds, for a few seconds at most, while the file is locked or f
// asks for another call.
func patiently(ctx context.Context, f func() (again bool, err error)) error {
	const tries, rest = 50, 100 * time.Millisecond
	for try := 1; ; try++ {
		again, err := f()
		if err == nil || try == tries || !again && !isLocked(err) {
			return err
		}
		if ended := pause(ctx, rest); ended != nil {
			return err
		}
	}
}

// pending reports whether there is something to migrate.
func (s *Store) pending(ctx context.Context) (bool, error) {
	applied, err := s.applied(ctx)
	if err != nil {
		return false, err
	}
	brought, err := known()
	if err != nil {
		return false, err
	}
	if s.options.Existing && len(applied) == 0 {
		return false, ErrNotFound
	}
	newest := brought[len(brought)-1]
	missing := false
	for version := range applied {
		if version/100 > newest/100+1 {
			return false, fmt.Errorf("%w (it has version %d, this one knows %d)", ErrNewer, version, newest)
		}
	}
	for _, version := range brought {
		missing = missing || !applied[version]
	}
	return missing, nil
}

// applied returns the versions that the database has. If there are none, it must not have tables of
// another program.
func (s *Store) applied(ctx context.Context) (map[int64]bool, error) {
	query, foreign := "SELECT COUNT(*) FROM sqlite_master WHERE name = '"+versions+"'", "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'"
	if s.dialect == postgres {
		query = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = '" + versions + "'"
		foreign = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename IN (" + tables + ")"
	}
	var n int
	if err := s.pool().QueryRowContext(ctx, query).Scan(&n); err != nil {
		return nil, err
	}
	if n == 0 {
		err := s.pool().QueryRowContext(ctx, foreign).Scan(&n)
		if err == nil && n > 0 {
			err = s.foreign(ctx, query)
		}
		return nil, err
	}
	rows, err := s.pool().QueryContext(ctx, "SELECT version_id FROM "+versions+" WHERE version_id > 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[int64]bool{}
	for rows.Next() {
		var version int64
		if err := rows.Scan(&version); err != nil {
			return nil, err
		}
		all[version] = true
	}
	return all, rows.Err()
}

// foreign returns the error for tables of another program, unless the store's own tables, which the
// query counts, have appeared in the meantime. A file that is locked at the moment is not foreign.
func (s *Store) foreign(ctx context.Context, query string) error {
	var n int
	err := s.pool().QueryRowContext(ctx, query).Scan(&n)
	if err == nil && n == 0 {
		return ErrForeign
	}
	return err
}

// apply applies the missing migrations.
func (s *Store) apply(ctx context.Context) error {
	p, err := s.provider()
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// provider returns the migrations for the database.
func (s *Store) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{
		goose.WithTableName(versions), goose.WithAllowOutofOrder(true), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()),
		goose.WithGoMigrations(s.divideIntoDays()),
	}
	kind := goose.DialectSQLite3
	if s.dialect == postgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
		if err != nil {
			return nil, err
		}
		kind, options = goose.DialectPostgres, append(options, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(kind, s.pool(), files, options...)
}
