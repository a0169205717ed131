package store

import (
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAFullDiskIsSaid: where SQLite finds no place for another page, the error of the store says
// that the disk is full.
func TestAFullDiskIsSaid(t *testing.T) {
	c, err := newConnector(filepath.Join(t.TempDir(), "full.db"))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(c)
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "PRAGMA max_page_count = 1; CREATE TABLE a (b TEXT)"); err != nil {
		t.Log(err)
	}
	_, err = db.ExecContext(t.Context(), "CREATE TABLE c (d TEXT)")
	if err == nil {
		t.Fatal("there is room")
	}
	if got := describeSQLite(err); !errors.Is(got, ErrFull) || !errors.Is(got, ErrDenied) || got.Error() != "it cannot be written: its disk is full" {
		t.Errorf("got %v of %v", got, err)
	}
	if got := describeSQLite(&fs.PathError{Op: "open", Path: "a", Err: unix.ENOSPC}); !errors.Is(got, ErrFull) {
		t.Errorf("got %v", got)
	}
}
