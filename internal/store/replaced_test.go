package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestAStoreThatIsTakenAwayIsMadeAnew checks that a writer notices a deleted or replaced file and a
// dropped schema, reports it until there is a new store, and counts what the old one had.
func TestAStoreThatIsTakenAwayIsMadeAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	takes := map[string]struct {
		name string
		away func(s *Store)
	}{
		"deleted": {path, func(*Store) { os.Remove(path) }},
		"deleted with its log": {path, func(*Store) {
			for _, name := range []string{path, path + "-wal", path + "-shm"} {
				os.Remove(name)
			}
		}},
		"replaced by an empty file": {path, func(*Store) {
			os.WriteFile(path+".new", nil, 0o600)
			os.Rename(path+".new", path)
		}},
		"replaced by another store": {path, func(*Store) {
			other, err := Open(context.Background(), path+".new", Options{})
			if err != nil {
				t.Error(err)
				return
			}
			w := &Writer{Store: other}
			end := run(t, w)
			w.Begin(Run{ID: "01OTHER", Command: "probe", Began: time.Now()})
			if err := errors.Join(end(), other.Close(), os.Rename(path+".new", path)); err != nil {
				t.Error(err)
			}
		}},
		"dropped schema": {postgresCluster(t).database(t), func(s *Store) {
			for _, statement := range []string{"DROP SCHEMA public CASCADE"} {
				if _, err := s.pool().ExecContext(t.Context(), statement); err != nil {
					t.Error(err)
				}
			}
		}},
	}
	for kind, take := range takes {
		t.Run(kind, func(t *testing.T) {
			s, err := Open(t.Context(), take.name, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			w := &Writer{Store: s}
			end := run(t, w)
			write := func() {
				stored := make(chan bool, 1)
				w.WriteThen(judged(bad("/chat")), func(is bool) { stored <- is })
				<-stored
				until(t, "all is written", func() bool { is := w.State(); return is.Reachable && is.Waiting+is.Findings == 0 })
			}
			write()
			take.away(s)
			if is := w.State(); take.name == path && (is.Reachable || !errors.Is(is.Err, ErrReplaced)) {
				t.Errorf("the state is %+v, want that the file is gone", is)
			}
			write()
			if is := w.State(); is.LostExchanges != 1 || is.LostFindings == 0 || is.Written != 2 {
				t.Errorf("the state is %+v, want one exchange lost", is)
			}
			if err := end(); err != nil {
				t.Error(err)
			}
			again, err := Open(context.Background(), take.name, Options{Existing: true})
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			var exchanges, findings int
			err = again.pool().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM exchanges").Scan(&exchanges)
			if err = errors.Join(err, again.pool().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM findings").Scan(&findings)); err != nil || exchanges != 1 || findings == 0 {
				t.Errorf("there are %d exchanges and %d findings, %v; want those after the loss", exchanges, findings, err)
			}
			if kind == "replaced by another store" {
				if runs, err := again.Runs(t.Context()); err != nil || len(runs) != 1 {
					t.Errorf("there are %d runs, %v; want the one that the other store had", len(runs), err)
				}
			}
			if take.name == path {
				again.Close()
				os.Remove(path)
			}
		})
	}
}
