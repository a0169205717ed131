package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// The errors of a store. All but ErrUnreachable require a person to act before anything can be
// stored. An unreachable store may come back at any time. ErrFull comes with ErrDenied.
var (
	ErrName        = errors.New("give a file path, the word memory, or postgres://user@host:port/database")
	ErrDenied      = errors.New("it cannot be written")
	ErrFull        = errors.New("its disk is full")
	ErrForeign     = errors.New("it belongs to another program; name another one")
	ErrCorrupt     = errors.New("it is not an SQLite database, or it is damaged; move it away or name another file")
	ErrNewer       = errors.New("its schema is that of a later release; use that release")
	ErrUnreachable = errors.New("it does not answer")
	ErrNotFound    = errors.New("it is not there")
	ErrAmbiguous   = errors.New("several begin so")
	ErrCursor      = errors.New("it is not a valid page cursor")
)

// A Store is an open store. All methods may be called by many goroutines at the same time, and by
// many programs on one store.
type Store struct {
	name    string // without secrets
	dialect dialect
	db      atomic.Pointer[sql.DB] // see pool
	options Options
	limits  Limits // the default limits
	passed  passedTexts
	pruned  atomic.Int64 // exchanges that were deleted
	ceiling ceiling
	summed  summed
	reads   chan struct{} // in PostgreSQL: holds a value for each query that reads
	noCopy  atomic.Bool   // the database has no COPY into temporary tables

	path       string                 // of the file
	file       atomic.Pointer[opened] // the file that is open
	generation atomic.Int64           // how often the store was lost and created again

	mu    sync.Mutex
	ready bool // the tables exist
	made  bool // the tables existed once
}

// Options say how a store is opened. The zero value is useful.
type Options struct {
	Instance string // the name of this instance
	Version  string // of this program
	Existing bool   // do not create a store that does not exist: [ErrNotFound]
	Later    bool   // Open succeeds if the database cannot be reached: the caller tries again
}

// Open opens the store of that name, and creates or migrates it if necessary. The name is memory,
// which ends with the program; postgres://user:password@host:port/database; or the path of an
// SQLite file in an existing directory. An error is one line without a password; errors.Is
// distinguishes the kinds. Open never changes a foreign database.
func Open(ctx context.Context, name string, o Options) (*Store, error) {
	s := &Store{options: o}
	var err error
	switch {
	case name == "memory":
		err = s.openMemory()
	case strings.HasPrefix(name, "postgres://"), strings.HasPrefix(name, "postgresql://"):
		err = s.openPostgres(name)
	case name == "", strings.Contains(name, "://"):
		scheme, _, _ := strings.Cut(name, "://")
		return nil, fmt.Errorf("open store %q: %w", scheme, ErrName)
	default:
		return s.openFile(ctx, name)
	}
	if err != nil {
		return nil, fmt.Errorf("open store %q: %w", s.name, err)
	}
	return s, s.first(ctx)
}

// first creates the tables, and closes the store if that fails.
func (s *Store) first(ctx context.Context) error {
	err := s.prepare(ctx)
	if err == nil || s.options.Later && errors.Is(err, ErrUnreachable) {
		return nil
	}
	s.pool().Close()
	return fmt.Errorf("open store %q: %w", s.name, err)
}

// prepare creates or migrates the tables unless that is done.
func (s *Store) prepare(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready {
		return nil
	}
	var err error
	if s.made && s.dialect == postgres {
		err = s.remake(ctx)
	}
	var was map[int64]bool
	if err == nil {
		err = patiently(ctx, func() (again bool, err error) { // others may open a new file at the same time
			was, err = s.applied(ctx)
			return false, err
		})
	}
	if err == nil {
		err = s.migrate(ctx)
	}
	if err != nil {
		return s.dialect.describe(err)
	}
	if s.made && len(was) == 0 {
		s.generation.Add(1)
	}
	s.ready, s.made = true, true
	s.remember()
	return nil
}

// Close closes the store. A [Writer] must have written everything before.
func (s *Store) Close() error { return s.pool().Close() }

// String returns the name of the store without user and password.
func (s *Store) String() string { return s.name }

// Shared reports whether the store is made for many instances on several machines.
func (s *Store) Shared() bool { return s.dialect == postgres }

// failed returns an error of a query in a form for people.
func (s *Store) failed(what string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%s store %q: %w", what, s.name, s.dialect.describe(err))
}

// oneLine returns a text without line ends.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
