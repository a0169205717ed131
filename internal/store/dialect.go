package store

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// A dialect is what differs between the two databases.
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

// isRefused reports whether the database will never take what it was given, however often it is given.
func isRefused(err error) bool {
	var p *pgconn.PgError
	var l *sqliteError
	switch {
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

// glob is a condition that holds where the expression matches the pattern in that parameter.
func (d dialect) glob(expression, parameter string) string {
	if d == postgres {
		return expression + " LIKE " + parameter + " ESCAPE '!'"
	}
	return expression + " GLOB " + parameter
}

// skip makes a SELECT lock what it finds, but for what somebody else has locked. SQLite locks everything anyway.
func (d dialect) skip() string {
	if d == postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// pattern is a glob, in which * stands for any text and ? for one character, as the database wants it.
func (d dialect) pattern(glob string) string {
	if d == postgres {
		return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_", "*", "%", "?", "_").Replace(glob)
	}
	return strings.ReplaceAll(glob, "[", "[[]")
}

// elements is what a JSON array of strings in a column is read from, as rows with a column named value.
func (d dialect) elements(column string) string {
	if d == postgres {
		return "json_array_elements_text(" + column + "::json) AS element(value)"
	}
	return "json_each(" + column + ") AS element"
}
