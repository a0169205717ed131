package store

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// A dialect is the SQL in which the two databases differ.
type dialect uint8

const (
	sqlite dialect = iota
	postgres
)

// describe finds the sentinel for an error of the database and puts it into one line.
func (d dialect) describe(err error) error {
	if d == postgres {
		return describePostgres(err)
	}
	return describeSQLite(err)
}

// isRefused reports whether the database will always refuse these values.
func isRefused(err error) bool {
	var p *pgconn.PgError
	var l *sqliteError
	switch {
	case errors.As(err, &p) && p.Code == "23514" && p.ConstraintName == "": // another partition was added meanwhile
		return false
	case errors.As(err, &p) && len(p.Code) == 5:
		switch p.Code[:2] {
		case "21", "22", "23", "54": // cardinality, data, constraints, limits of the program
			return true
		}
	case errors.As(err, &l):
		switch l.Code() & 0xff {
		case codeConstraint, codeTooBig, codeMismatch:
			return true
		}
	}
	return false
}

// isForbidden reports whether the user of the database has no right to do that, such as to drop tables of another user.
func isForbidden(err error) bool {
	var p *pgconn.PgError
	return errors.As(err, &p) && p.Code == "42501"
}

// glob is a condition that holds where the expression matches the pattern in that parameter.
func (d dialect) glob(expression, parameter string) string {
	if d == postgres {
		return expression + " LIKE " + parameter + " ESCAPE '!'"
	}
	return expression + " GLOB " + parameter
}

// now is the time of the database in milliseconds since 1970. It is the one clock that all
// instances share.
func (d dialect) now() string {
	if d == postgres {
		return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
	}
	return "CAST(unixepoch('subsec') * 1000 AS BIGINT)"
}

// skip makes a SELECT lock the rows that it finds and skip locked ones. SQLite locks everything
// anyway.
func (d dialect) skip() string {
	if d == postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// pattern returns a glob, in which * matches any text and ? one character, as a pattern of the
// database.
func (d dialect) pattern(glob string) string {
	if d == postgres {
		return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_", "*", "%", "?", "_").Replace(glob)
	}
	return strings.ReplaceAll(glob, "[", "[[]")
}

// elements returns the table expression that expands a JSON array of strings into rows with a
// column named value.
func (d dialect) elements(column string) string {
	if d == postgres {
		return "json_array_elements_text(" + column + "::json) AS element(value)"
	}
	return "json_each(" + column + ") AS element"
}
