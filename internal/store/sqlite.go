package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/interlock-proxy/interlock/internal/errno"
)

// application marks a store in the head of its file: ILCK.
const application = 0x494c434b

// openMemory opens a store that ends with the program.
func (s *Store) openMemory() error {
	s.name, s.dialect, s.limits = "memory", sqlite, Limits{Bytes: 64 << 20, Count: 10_000}
	c, err := newConnector(":memory:")
	if err != nil {
		return err
	}
	s.db.Store(sql.OpenDB(c))
	s.pool().SetMaxOpenConns(1) // in memory each connection would have a database of its own
	return nil
}

// openFile opens the store in a file. It removes a file that it has created if nothing can be
// written to it.
func (s *Store) openFile(ctx context.Context, path string) (*Store, error) {
	s.name, s.dialect, s.path = path, sqlite, path
	made, err := s.claim(ctx, path)
	if err == nil {
		err = s.connect(ctx, path)
	}
	if err != nil {
		err = fmt.Errorf("open store %q: %w", path, describeSQLite(err))
	} else {
		err = s.first(ctx)
	}
	if err == nil {
		return s, nil
	}
	if is, stat := os.Stat(path); made && stat == nil && is.Size() == 0 {
		os.Remove(path)
	}
	return nil, err
}

// claim ensures that the file exists and is a store or empty, and reports whether it created the
// file. It opens no file that SQLite may have open in this program: closing it again would release
// SQLite's locks, too (POSIX fcntl).
func (s *Store) claim(ctx context.Context, path string) (made bool, err error) {
	if !s.options.Existing {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) // SQLite gives its further files the same mode
		switch {
		case err == nil:
			return true, f.Close()
		case errors.Is(err, fs.ErrNotExist):
			return false, fmt.Errorf("%w: its folder is not there; make it", ErrDenied)
		case !errors.Is(err, fs.ErrExist):
			return false, err
		}
	}
	is, err := os.Stat(path)
	switch {
	case err != nil:
		return false, err
	case !is.Mode().IsRegular():
		return false, fmt.Errorf("%w: it is not a regular file", ErrDenied)
	case is.Size() == 0 && s.options.Existing:
		return false, ErrNotFound
	}
	if err := writable(path); err != nil {
		return false, fmt.Errorf("%w: %w", ErrDenied, err)
	}
	if is.Size() == 0 {
		return false, nil
	}
	return false, patiently(ctx, func() (begun bool, err error) { return inspect(ctx, path) })
}

// inspect checks which program the file belongs to, without changing it. begun is true of a file that has nothing in it: another
// instance may be about to mark it as a store.
func inspect(ctx context.Context, path string) (begun bool, err error) {
	uri, err := address(path)
	if err != nil {
		return false, err
	}
	c, err := newConnector(uri + "?mode=ro&immutable=1")
	if err != nil {
		return false, err
	}
	db := sql.OpenDB(c)
	defer db.Close()
	var whose, things int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&whose); err != nil || whose == application {
		return false, err
	}
	if whose == 0 {
		err = db.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_master").Scan(&things)
		begun = err == nil && things == 0
	}
	return begun, ErrForeign
}

// address returns the URI of a file for SQLite.
func address(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	return "file:" + (&url.URL{Path: absolute}).EscapedPath(), err
}

// connect prepares the connections to a file that is a store or empty.
func (s *Store) connect(ctx context.Context, path string) error {
	uri, err := address(path)
	if err != nil {
		return err
	}
	is, err := os.Stat(path)
	if err != nil {
		return err
	}
	if is.Size() == 0 {
		if err := patiently(ctx, func() (bool, error) { return false, initialize(ctx, uri) }); err != nil {
			return err
		}
	}
	c, err := newConnector(uri + "?_txlock=immediate&_pragma=busy_timeout(2000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)" +
		"&_pragma=journal_size_limit(67108864)")
	if err != nil {
		return err
	}
	s.db.Store(sql.OpenDB(c))
	s.pool().SetMaxOpenConns(4)
	s.pool().SetMaxIdleConns(4)
	return nil
}

// initialize marks an empty file as a store. The mark must precede the write-ahead log, as claim
// looks for it in the file.
func initialize(ctx context.Context, uri string) error {
	c, err := newConnector(uri + "?_pragma=busy_timeout(2000)")
	if err != nil {
		return err
	}
	db := sql.OpenDB(c)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, fmt.Sprintf("PRAGMA page_size = 8192; PRAGMA auto_vacuum = incremental; PRAGMA application_id = %d", application)) // auto_vacuum writes
	return err
}

// isLocked reports whether another program has locked the file at the moment.
func isLocked(err error) bool {
	var e *sqliteError
	return errors.As(err, &e) && (e.Code()&0xff == codeBusy || e.Code()&0xff == codeLocked)
}

// describeSQLite finds the sentinel for an error of a file or of SQLite.
func describeSQLite(err error) error {
	for _, known := range []error{ErrDenied, ErrForeign, ErrCorrupt, ErrNewer, ErrUnreachable, ErrNotFound, ErrReplaced} {
		if errors.Is(err, known) {
			return err
		}
	}
	var path *fs.PathError
	var e *sqliteError
	switch {
	case errors.As(err, &path) && errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", ErrNotFound, path.Err)
	case errors.Is(err, errno.ENOSPC):
		return fmt.Errorf("%w: %w", ErrDenied, ErrFull)
	case errors.As(err, &path):
		return fmt.Errorf("%w: %w", ErrDenied, path.Err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: no answer in time", ErrUnreachable)
	case !errors.As(err, &e):
		return err
	}
	kind := ErrUnreachable
	switch e.Code() & 0xff { // the primary result code
	case codeNotADB, codeCorrupt:
		kind = ErrCorrupt
	case codeFull:
		return fmt.Errorf("%w: %w", ErrDenied, ErrFull)
	case codeReadOnly, codePerm, codeCantOpen:
		kind = ErrDenied
	}
	return fmt.Errorf("%w: %s", kind, oneLine(e.Error()))
}
