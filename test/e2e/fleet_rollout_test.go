//go:build e2e

package e2e

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// nextSchema is a migration of the next minor release: it only adds.
const nextSchema = `-- +goose Up
ALTER TABLE findings ADD COLUMN next TEXT NOT NULL DEFAULT 'n';
CREATE TABLE next_things (id TEXT PRIMARY KEY);
CREATE INDEX findings_next ON findings (rule, next);
-- +goose Down
DROP INDEX findings_next;
DROP TABLE next_things;
ALTER TABLE findings DROP COLUMN next;
`

// nextBuilt is the program of the next release, which is built once.
var nextBuilt struct {
	sync.Mutex
	binary string
}

// nextRelease builds the program as it will be in the next minor release: with another version, and
// a schema that is ahead. The build replaces two files and leaves the tree as it is.
func nextRelease(t *testing.T) (binary string) {
	t.Helper()
	nextBuilt.Lock()
	defer nextBuilt.Unlock()
	if nextBuilt.binary != "" {
		return nextBuilt.binary
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	const release = `const release = "0.1.0"`
	at := filepath.Join(root, "internal/version/version.go")
	text := content(t, root, "internal/version/version.go")
	if !strings.Contains(text, release) {
		t.Fatalf("%s has no %s", at, release)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {
		at: file(t, "version.go", []byte(strings.Replace(text, release, `const release = "0.2.0"`, 1))),
		filepath.Join(root, "internal/store/migrations/00201_next.sql"): file(t, "next.sql", []byte(nextSchema)),
	}})
	if err != nil {
		t.Fatal(err)
	}
	binary = filepath.Join(filepath.Dir(program(t, "interlock", "")), "interlock-next")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-C", root, "-overlay", file(t, "overlay.json", overlay), "-o", binary, "./cmd/interlock").CombinedOutput(); err != nil {
		t.Fatalf("build the next release: %v\n%s", err, out)
	}
	nextBuilt.binary = binary
	return binary
}

// busy sends handshakes through an instance, every fourth with POST, until end is called. Each is
// answered before the next one is sent.
func (m *member) busy(t *testing.T) (end func()) {
	over := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-over:
				return
			default:
			}
			if err := m.handshake(n%4 == 0); err != nil {
				t.Errorf("%s: %v", m.name, err)
				return
			}
		}
	})
	return func() {
		close(over)
		sending.Wait()
	}
}

// TestARolloutBesideTheOldRelease lets the next minor release join instances of this one that share
// a PostgreSQL, under load. The schema is ahead from then on; those of this release write on, and
// start again. All sums are exact. A schema that is two releases ahead is refused in one line.
func TestARolloutBesideTheOldRelease(t *testing.T) {
	t.Parallel()
	next, db, backend := nextRelease(t), startPostgres(t), labServer(t, "unsound")
	a, b, c := &member{name: "a"}, &member{name: "b"}, &member{name: "c", binary: next}
	all := []*member{a, b, c}
	stored := func() {
		t.Helper()
		var sent, faulty int64
		for _, m := range all {
			sent, faulty = sent+m.sent, faulty+m.faulty
		}
		db.await(storedExchanges, sent)
		db.await(storedFaults, faulty)
		db.await("SELECT COUNT(*) FROM exchanges", sent)
	}
	a.start(t, backend, db.url())
	b.start(t, backend, db.url())
	endA, endB := a.busy(t), b.busy(t)
	c.start(t, backend, db.url())
	db.await("SELECT COUNT(*) FROM interlock_schema WHERE version_id = 201", 1)
	c.handshakes(t, 6, 2)
	endB()
	b.stop()
	b.start(t, backend, db.url()) // with the schema ahead
	b.handshakes(t, 6, 2)
	endA()
	a.stop()
	a.binary = next
	a.start(t, backend, db.url())
	a.handshakes(t, 6, 2)
	stored()
	for _, m := range all { // both releases say the same
		m.awaitFleet(t, "versions", func(f fleetJSON) bool {
			return len(f.Instances) == 3 && f.Instances[0].Name == "b" && slices.Equal(f.Instances[0].Differs, []string{"version"}) &&
				strings.HasPrefix(f.Instances[0].Version, "0.1.0") && strings.HasPrefix(f.Instances[1].Version, "0.2.0") && f.States["reporting"] == 2
		})
	}

	if _, err := db.ask("INSERT INTO interlock_schema (version_id, is_applied) VALUES (301, true)"); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{
		{"serve", "--backend", "http://" + backend, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--store", db.url()}, {"store", "runs", "--store", db.url()},
	} {
		r := run(t, "interlock", words...)
		if r.status != 2 || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, "its schema is that of a later release; use that release") {
			t.Errorf("%q: status %d, %q", words, r.status, r.stderr)
		}
	}
	for _, m := range all { // those that run write on
		m.handshakes(t, 1, 1)
	}
	stored()
	c.stop()
	c.start(t, backend, db.url()) // for the next release it is one ahead
	c.handshakes(t, 1, 1)
	stored()
}

// counted is how often a rule did not pass, at one endpoint.
type counted struct {
	Rule  string
	Count int64
}

// TestOneFileThroughARollout has this release, the next one and this one again write to one SQLite
// file.
func TestOneFileThroughARollout(t *testing.T) {
	t.Parallel()
	next, backend, store := nextRelease(t), labServer(t, "unsound"), filepath.Join(t.TempDir(), "interlock.db")
	m := &member{name: "a"}
	for n, binary := range []string{"", next, ""} {
		m.binary = binary
		m.start(t, backend, store)
		m.handshakes(t, 2, 3)
		m.awaitFleet(t, "earlier starts", func(f fleetJSON) bool {
			return len(f.Instances) == 1 && len(f.Instances[0].Earlier) == n && f.counted() == m.sent
		})
		a := &admin{t: t, client: client(t), at: "http://" + m.admin}
		var found struct{ Findings []counted }
		for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
			a.read("/api/v1/findings", &found)
			if i := slices.IndexFunc(found.Findings, func(f counted) bool {
				return f.Rule == "UPGRADE-POST"
			}); i >= 0 && found.Findings[i].Count == m.faulty {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("after %d starts: got %+v, want %d", n+1, found, m.faulty)
			}
		}
		m.stop()
	}
}
