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
	s.pool().SetMaxOpenConns(maxReads + 2)
	s.pool().SetMaxIdleConns(maxReads + 2)
	s.pool().SetConnMaxIdleTime(idleConnection)
	s.reads = make(chan struct{}, maxReads)
	return nil
}

// The bounds of the connections to PostgreSQL. The one that was used last is used first, so a
// program that writes holds one, and further ones only until they have been idle for a while: up to
// maxReads for pages and reports, one for folding and pruning, and always one for the writer.
const (
	maxReads       = 2
	idleConnection = 5 * time.Second
)

// reading waits until another query may read, and returns a function to call after it.
func (s *Store) reading(ctx context.Context) (done func(), err error) {
	if s.reads == nil {
		return func() {}, nil
	}
	select {
	case s.reads <- struct{}{}:
		return func() { <-s.reads }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
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
