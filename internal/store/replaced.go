package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrReplaced means that the file was replaced after it was opened. Writes to the old file are
// lost; the next batch creates the store again.
var ErrReplaced = errors.New("its file was deleted or replaced while it was open")

// pool returns the connections of the store.
func (s *Store) pool() *sql.DB { return s.db.Load() }

// remember records which file, and which write-ahead log, the connections have open.
func (s *Store) remember() {
	if s.path == "" {
		return
	}
	file, err := os.Stat(s.path)
	if err != nil {
		return
	}
	log, _ := os.Stat(s.path + "-wal") // nil before the first write
	s.file.Store(&opened{file, log})
}

// opened identifies a file at the time it was opened.
type opened struct{ file, log os.FileInfo }

// replaced reports whether the file of the store was replaced or deleted.
func (s *Store) replaced() bool {
	was := s.file.Load()
	if was == nil {
		return false
	}
	is, err := os.Stat(s.path)
	if errors.Is(err, os.ErrNotExist) {
		return true
	}
	return err == nil && !os.SameFile(is, was.file) // an unreadable folder is another error, which SQLite will report
}

// Restore opens the file of the store again after it was deleted or replaced, and creates what is
// missing.
func (s *Store) Restore(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.replaced() {
		return nil
	}
	s.ready = false
	was := s.file.Load()
	s.pool().Close()
	if log, err := os.Stat(s.path + "-wal"); err == nil && was.log != nil && os.SameFile(log, was.log) { // SQLite must not read another file with this log
		os.Remove(s.path + "-wal")
		os.Remove(s.path + "-shm")
	}
	if _, err := s.claim(ctx, s.path); err != nil {
		return err
	}
	if err := s.connect(ctx, s.path); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	s.ready = true
	s.remember()
	s.generation.Add(1)
	return nil
}

// dropped records whether PostgreSQL reports that a table or the schema does not exist: it was
// dropped.
func (s *Store) dropped(err error) {
	if !isAbsent(err) {
		return
	}
	s.mu.Lock()
	s.ready = false
	s.mu.Unlock()
}

// isAbsent reports whether PostgreSQL says that a table or the schema does not exist.
func isAbsent(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "42P01" || e.Code == "3F000")
}

// remake creates the schema again if it was dropped with its tables.
func (s *Store) remake(ctx context.Context) error {
	var schema sql.NullString
	var path string
	if err := s.pool().QueryRowContext(ctx, "SELECT current_schema(), current_setting('search_path')").Scan(&schema, &path); err != nil || schema.Valid {
		return err
	}
	for name := range strings.SplitSeq(path, ",") {
		if name = strings.Trim(strings.TrimSpace(name), `"`); name != "" && name != "$user" {
			_, err := s.pool().ExecContext(ctx, `CREATE SCHEMA IF NOT EXISTS "`+strings.ReplaceAll(name, `"`, `""`)+`"`)
			return err
		}
	}
	return nil
}

// lost counts the content of a store that is gone. The caller holds the lock.
func (w *Writer) lost() {
	if is := w.Store.generation.Load(); is != w.generation {
		w.generation = is
		w.state.LostExchanges, w.state.LostFindings = w.state.LostExchanges+w.held.exchanges, w.state.LostFindings+w.held.findings
		w.held = held{}
	}
}

// held counts a writer's content in a store.
type held struct{ exchanges, findings int64 }

// count returns the number of waiting findings, each as often as it was seen.
func (t *tallies) count() (n int64) {
	for _, is := range t.waiting {
		n += is.Count
	}
	return n
}
