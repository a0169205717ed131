package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// openPostgres prepares the connections of a PostgreSQL database. It does not connect.
func (s *Store) openPostgres(name string) error {
	s.name, s.dialect = "postgres", postgres
	c, err := pgx.ParseConfig(name)
	if err != nil { // the error quotes the string
		return fmt.Errorf("%w", ErrName)
	}
	s.name = "postgres://" + net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))) + "/" + c.Database
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "interlock"
	}
	s.db.Store(stdlib.OpenDB(*c))
	s.pool().SetMaxOpenConns(4)
	s.pool().SetMaxIdleConns(4)
	s.pool().SetConnMaxIdleTime(5 * time.Minute)
	return nil
}

// describePostgres describes an error without any secrets of the connection.
func describePostgres(err error) error {
	var e *pgconn.PgError
	var dial *net.OpError
	switch {
	case errors.As(err, &e):
		kind := ErrUnreachable
		switch e.Code[:min(2, len(e.Code))] {
		case "28", "3D", "42", "25": // authorization, no such database, no such table or no right to it, read-only
			kind = ErrDenied
		}
		return fmt.Errorf("%w: %s (%s)", kind, oneLine(e.Message), e.Code)
	case errors.As(err, &dial):
		reason := dial.Err.Error()
		return fmt.Errorf("%w: %s", ErrUnreachable, oneLine(reason))
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: no answer in time", ErrUnreachable)
	case pgconn.Timeout(err), isConnection(err):
		return fmt.Errorf("%w: %s", ErrUnreachable, lastWords(err))
	}
	return err
}

func isConnection(err error) bool {
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) || pgconn.SafeToRetry(err) || errors.Is(err, net.ErrClosed)
}

// lastWords returns the innermost error, which says what happened without naming the address.
func lastWords(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	text := oneLine(err.Error())
	if strings.Contains(text, "://") {
		return "the connection failed"
	}
	return text
}
