package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// copyFrom is the number of rows from which COPY costs this program less than columns do. Processor
// time in µs for an exchange, of this program and of the server, with PostgreSQL 15 on two shared
// cores (BenchmarkBatchesOfExchanges):
//
//	rows  INSERT of 64 rows  an array for each column  COPY
//	   8           52 +  40                  41 +  42   113 + 188
//	  32           39 +  28                  28 +  24    38 +  57
//	 128           51 +  23                  27 +  22    18 +  27
//	 250           42 +  33                  26 +  22    12 +  27
//	1000           48 +  21                  16 +  18    11 +  21
const copyFrom = 128

// writeColumns writes rows to PostgreSQL with one statement, whose parameters are arrays: one for
// each column.
func (u upsert) writeColumns(ctx context.Context, tx *sql.Tx, rows [][]any) error {
	args, terms := make([]any, len(u.columns)), make([]string, len(u.columns))
	for c := range u.columns {
		kind := "bigint"
		switch rows[0][c].(type) {
		case string:
			kind, args[c] = "text", column(rows, c, func(v any) string { return v.(string) })
		case int:
			args[c] = column(rows, c, func(v any) int64 { return int64(v.(int)) })
		default:
			args[c] = column(rows, c, func(v any) int64 { return v.(int64) })
		}
		terms[c] = fmt.Sprintf("$%d::%s[]", c+1, kind)
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO %s (%s) SELECT * FROM unnest(%s) ON CONFLICT %s",
		u.table, strings.Join(u.columns, ", "), strings.Join(terms, ", "), u.conflict), args...)
	return err
}

// column returns the values of a column.
func column[T any](rows [][]any, c int, of func(any) T) []T {
	all := make([]T, len(rows))
	for i, row := range rows {
		all[i] = of(row[c])
	}
	return all
}

// copy writes rows to PostgreSQL with COPY into a temporary table of the connection, and from there
// with one statement, as the rows may be there already.
func (u upsert) copy(ctx context.Context, conn *sql.Conn, tx *sql.Tx, rows [][]any) error {
	waiting := "waiting_" + u.table
	err := execute(ctx, tx, "CREATE TEMPORARY TABLE IF NOT EXISTS "+waiting+" (LIKE "+u.table+" INCLUDING DEFAULTS) ON COMMIT DELETE ROWS")
	if err != nil {
		return err
	}
	err = conn.Raw(func(c any) error {
		_, err := c.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{waiting}, u.columns, pgx.CopyFromRows(rows))
		return err
	})
	if err != nil {
		return err
	}
	columns := strings.Join(u.columns, ", ")
	_, err = tx.ExecContext(ctx, fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s ON CONFLICT %s", u.table, columns, columns, waiting, u.conflict))
	return err
}

// send writes rows in a transaction of [Store.transactOn], in the way that is fastest for their
// number.
func (s *Store) send(ctx context.Context, conn *sql.Conn, tx *sql.Tx, u upsert, rows [][]any) error {
	if conn == nil || len(rows) < copyFrom || s.noCopy.Load() {
		return u.write(ctx, tx, s.dialect, rows)
	}
	err := u.copy(ctx, conn, tx, rows)
	if isUnsupported(err) { // the next attempt writes without it
		s.noCopy.Store(true)
	}
	return err
}

// transactOn runs f in a transaction, with its connection if that is one to PostgreSQL.
func (s *Store) transactOn(ctx context.Context, f func(*sql.Conn, *sql.Tx) error) error {
	if s.dialect != postgres {
		return s.transact(ctx, func(tx *sql.Tx) error { return f(nil, tx) })
	}
	conn, err := s.pool().Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return transactBy(ctx, conn, func(tx *sql.Tx) error { return f(conn, tx) })
}

// isUnsupported reports whether a database does not know a statement, or not all of it. Others
// speak PostgreSQL's protocol without supporting everything.
func isUnsupported(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && slices.Contains([]string{"0A000", "42601", "42704", "22023"}, e.Code) // not supported, syntax error, no such object or option
}
