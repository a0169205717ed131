package store

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// file creates a file that is not a store.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// made returns the content of a store's file after it was closed.
func made(t *testing.T, change func(s *Store)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "made.db")
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	change(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestWhatCannotBeOpened(t *testing.T) {
	c := postgresCluster(t)
	dead, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	whole := made(t, func(*Store) {})
	foreign := made(t, func(s *Store) { must(t, s, "PRAGMA application_id = 0") })
	newer := made(t, func(s *Store) { must(t, s, "INSERT INTO "+versions+" (version_id, is_applied) VALUES (999, 1)") })
	existing := Options{Existing: true}
	for name, d := range map[string]struct {
		name    string
		options Options
		want    error
		words   string
	}{
		"nothing":                  {"", Options{}, ErrName, ""},
		"another database":         {"mysql://root:" + secret + "@db/x", Options{}, ErrName, "mysql"},
		"a bad DSN":                {"postgres://u:" + secret + "@[::1/x", Options{}, ErrName, ""},
		"a bad port":               {"postgres://u:pa55@h:99999999/x", Options{}, ErrName, ""},
		"no database":              {file(t, "hello, world"), Options{}, ErrCorrupt, "not an SQLite database"},
		"a cut off head":           {file(t, whole[:60]), Options{}, ErrForeign, ""},
		"a damaged file":           {file(t, whole[:100]+strings.Repeat("\xa5", len(whole)-100)), Options{}, ErrCorrupt, ""},
		"a file that is too short": {file(t, whole[:9000]), Options{}, ErrCorrupt, ""},
		"another program's":        {file(t, foreign), Options{}, ErrForeign, "another program"},
		"a later schema":           {file(t, newer), Options{}, ErrNewer, "999"},
		"a folder":                 {t.TempDir(), Options{}, ErrDenied, "not a regular file"},
		"no folder":                {filepath.Join(t.TempDir(), "no", "store.db"), Options{}, ErrDenied, "folder"},
		"a file as folder":         {filepath.Join(file(t, ""), "store.db"), Options{}, ErrDenied, "not a directory"},
		"a read-only folder":       {"/proc/store.db", Options{}, ErrDenied, ""},
		"no store":                 {filepath.Join(t.TempDir(), "store.db"), existing, ErrNotFound, ""},
		"an empty file":            {file(t, ""), existing, ErrNotFound, ""},
		"a wrong password":         {strings.Replace(c.dsn("postgres"), ":pa55", ":pa56", 1), Options{}, ErrDenied, "password authentication failed"},
		"no such database":         {c.dsn("nothing"), Options{}, ErrDenied, "does not exist"},
		"no server":                {fmt.Sprintf("postgres://u:pa55@%s/x?sslmode=disable", dead[0]), Options{}, ErrUnreachable, "refused"},
		"no TLS":                   {strings.Replace(c.dsn("postgres"), "sslmode=disable", "sslmode=require", 1), Options{}, ErrUnreachable, "TLS"},
		"tables of others":         {others(t, c), Options{}, ErrForeign, "another program"},
		"a later one":              {later(t, c, 999), Options{}, ErrNewer, "999"},
		"a database without":       {c.database(t), existing, ErrNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS != "linux" && strings.HasPrefix(d.name, "/proc/") {
				d.name = "/dev/null/store.db"
			}
			before, _ := os.ReadFile(d.name)
			beside, _ := filepath.Glob(filepath.Dir(d.name) + "/*")
			s, err := Open(t.Context(), d.name, d.options)
			if err == nil {
				s.Close()
				t.Fatal("it is opened")
			}
			if !errors.Is(err, d.want) || !strings.Contains(err.Error(), d.words) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "pa55") ||
				strings.Contains(err.Error(), "pa56") || !strings.HasPrefix(err.Error(), "open store ") {
				t.Errorf("got %v, want %v", err, d.want)
			}
			if after, _ := os.ReadFile(d.name); string(after) != string(before) {
				t.Error("the file has changed")
			}
			if now, _ := filepath.Glob(filepath.Dir(d.name) + "/*"); !strings.HasPrefix(d.name, "/proc/") && !slices.Equal(now, beside) {
				t.Errorf("there was %q, there is %q", beside, now)
			}
		})
	}
}

// others creates a database with a table of another program.
func others(t *testing.T, c *cluster) string {
	s := &Store{}
	name := c.database(t)
	if err := s.openPostgres(name); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	must(t, s, "CREATE TABLE findings (x TEXT)")
	return name
}

// later creates a database whose schema has that version.
func later(t *testing.T, c *cluster, version int) string {
	name := c.database(t)
	s := open(t, name)
	must(t, s, fmt.Sprintf("INSERT INTO %s (version_id, is_applied) VALUES (%d, true)", versions, version))
	return name
}

func TestAFileIsItsOwnersOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	write(t, s, judged(bad("/chat")))
	names, err := filepath.Glob(path + "*")
	if err != nil || len(names) != 3 {
		t.Fatalf("got %q, %v", names, err)
	}
	for _, name := range names {
		is, err := os.Stat(name)
		if err != nil || is.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, is.Mode(), err)
		}
	}
}

func TestAnEmptyFileBecomesAStore(t *testing.T) {
	s := open(t, file(t, ""))
	write(t, s, judged(bad("/chat")))
	if len(findings(t, s, Query{})) != 1 {
		t.Error("nothing is stored")
	}
}

// TestAStoreMayComeLater opens a database that does not exist yet.
func TestAStoreMayComeLater(t *testing.T) {
	c := postgresCluster(t)
	name := c.database(t)
	back := shut(t, "fast")
	s, err := Open(t.Context(), name, Options{Later: true})
	if err != nil {
		back()
		t.Fatal(err)
	}
	defer s.Close()
	w := &Writer{Store: s, Drain: time.Minute}
	end := run(t, w)
	w.Write(judged(bad("/chat")))
	until(t, "the store is known to be away", func() bool { return !w.State().Reachable })
	if _, err := s.Runs(t.Context()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	back()
	if err := end(); err != nil {
		t.Error(err)
	}
	if found := findings(t, s, Query{}); len(found) != 1 {
		t.Errorf("got %+v", found)
	}
	if _, err := Open(t.Context(), c.dsn("nothing"), Options{Later: true}); !errors.Is(err, ErrDenied) {
		t.Errorf("what is wrong for good: %v", err)
	}
}

// TestReleasesShareAStore runs this release on the schema of the next minor release, which has
// additions, while both write.
func TestReleasesShareAStore(t *testing.T) {
	for _, kind := range stores {
		t.Run(kind.kind, func(t *testing.T) {
			name := kind.name(t)
			s := open(t, name)
			write(t, s, judged(bad("/chat")))
			brought, err := known()
			if err != nil {
				t.Fatal(err)
			}
			newest := brought[len(brought)-1]
			yes := map[dialect]string{sqlite: "1", postgres: "true"}[s.dialect]
			for _, statement := range []string{
				"ALTER TABLE exchanges ADD COLUMN colour TEXT NOT NULL DEFAULT 'green'", "ALTER TABLE findings ADD COLUMN weight BIGINT NOT NULL DEFAULT 7",
				"ALTER TABLE instances ADD COLUMN host TEXT", "ALTER TABLE runs ADD COLUMN cost BIGINT NOT NULL DEFAULT 0", "CREATE TABLE colours (name TEXT PRIMARY KEY)",
				"CREATE INDEX exchanges_colour ON exchanges (colour, time)",
				fmt.Sprintf("INSERT INTO %s (version_id, is_applied) VALUES (%d, %s)", versions, newest/100*100+101, yes),
			} {
				must(t, s, statement)
			}
			write(t, s, judged(bad("/chat"))) // by the program that had opened it before
			if kind.kind != "memory" {
				s = open(t, name)
			}
			w := &Writer{Store: s}
			w.Begin(Run{ID: "01R", Began: time.Now()})
			r := judged(refused("/chat"))
			r.X.Probe, r.Run = "UPGRADE-POST", "01R"
			w.Write(r)
			w.Write(judged(good("/chat")))
			finish(t, w)
			if err := s.fold(t.Context(), time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
			var out strings.Builder
			if err := s.Export(t.Context(), &out); err != nil {
				t.Error(err)
			}
			if _, err := open(t, "memory").Import(t.Context(), strings.NewReader(out.String())); err != nil {
				t.Error(err)
			}
			if found := findings(t, s, Query{Live: true}); len(found) != 1 || found[0].Count != 2 {
				t.Errorf("got %+v", found)
			}
			if all := read(t, s, Query{}); len(all) != 4 {
				t.Errorf("got %q", ids(all))
			}
			if p, err := s.Prune(t.Context(), Limits{Bytes: 1}); err != nil || p.Exchanges != 4 {
				t.Errorf("%+v, %v", p, err)
			}
			if again, err := s.pending(t.Context()); again || err != nil {
				t.Errorf("there is something to migrate: %t, %v", again, err)
			}
		})
	}
}

func TestVersionsGrow(t *testing.T) {
	all, err := known()
	if err != nil || len(all) == 0 || !slices.IsSorted(all) || all[0] != 101 {
		t.Errorf("got %v, %v", all, err)
	}
}

// TestALockedFileIsNotForeign asks whose a file is while another program has it locked.
func TestALockedFileIsNotForeign(t *testing.T) {
	uri, err := address(filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := newConnector(uri + "?_pragma=busy_timeout(0)&_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	other, s := sql.OpenDB(c), &Store{}
	defer other.Close()
	s.db.Store(sql.OpenDB(c))
	defer s.Close()
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	query := "SELECT COUNT(*) FROM sqlite_master WHERE name = '" + versions + "'"
	if err := s.foreign(t.Context(), query); !isLocked(err) {
		t.Errorf("got %v of a locked file", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.foreign(t.Context(), query); !errors.Is(err, ErrForeign) {
		t.Errorf("got %v of a file without the tables", err)
	}
}

// TestPagesOfANewFile checks what SQLite takes only before it first writes to a file: an exchange of 3 kB would be alone in a
// page of 4 KiB.
func TestPagesOfANewFile(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	var size, vacuum int
	err := s.pool().QueryRowContext(t.Context(), "SELECT page_size, auto_vacuum FROM pragma_page_size, pragma_auto_vacuum").Scan(&size, &vacuum)
	if err != nil || size != 8192 || vacuum != 2 {
		t.Errorf("got pages of %d bytes and auto_vacuum %d, %v", size, vacuum, err)
	}
}

// TestANewFileIsOpenedByManyAtOnce opens each of several new files eight times at the same time: one instance creates the store, and all
// of them use it.
func TestANewFileIsOpenedByManyAtOnce(t *testing.T) {
	for n := range 10 {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("store-%d.db", n))
		var opening sync.WaitGroup
		for range 8 {
			opening.Go(func() {
				s, err := Open(t.Context(), path, Options{})
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		opening.Wait()
	}
}
