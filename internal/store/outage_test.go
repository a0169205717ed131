package store

import (
	"cmp"
	"context"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// until waits for an event, for a minute at most.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !is() {
		if pause(ctx, 2*time.Millisecond) != nil {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// run runs a writer and returns a function that ends it.
func run(t *testing.T, w *Writer) (end func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	w.Drain = cmp.Or(w.Drain, time.Minute)
	go func() { done <- w.Run(ctx) }()
	return func() error {
		cancel()
		return <-done
	}
}

// A load writes unsafe rulings without waiting for results, as traffic does.
type load struct {
	w            *Writer
	written      int64
	told, stored atomic.Int64
}

// put writes n rulings, and fails if that blocks, whatever the state of the store.
func (l *load) put(t *testing.T, n int) {
	t.Helper()
	all := make([]*rules.Ruling, n)
	for i := range all {
		all[i] = judged(bad("/chat"))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, r := range all {
			l.w.WriteThen(r, func(stored bool) {
				l.told.Add(1)
				if stored {
					l.stored.Add(1)
				}
			})
		}
	}()
	select {
	case <-done:
		l.written += int64(n)
	case <-time.After(time.Minute):
		t.Fatal("who writes is held up")
	}
}

// check checks that no finding is lost and everything else is counted.
func (l *load) check(t *testing.T, s *Store) {
	t.Helper()
	found, state := findings(t, s, Query{}), l.w.State()
	if len(found) != 1 || found[0].Count != l.written {
		t.Errorf("of %d, findings are %+v", l.written, found)
	}
	kept, err := s.Count(t.Context(), Query{})
	if err != nil || kept+state.Shed != l.written || kept != state.Written || state.Waiting+state.Findings != 0 || state.Bytes != 0 {
		t.Errorf("of %d, %d are kept, %v; %+v", l.written, kept, err, state)
	}
	if l.told.Load() != l.written {
		t.Errorf("of %d, %d were told", l.written, l.told.Load())
	}
	if !state.Reachable || state.Err != nil {
		t.Errorf("got %+v", state)
	}
}

// TestOutages makes each kind of store unavailable in every way, under load, and restores it.
func TestOutages(t *testing.T) {
	for _, kind := range stores {
		for name, outage := range outages[kind.kind] {
			t.Run(kind.kind+" "+name, func(t *testing.T) {
				s := open(t, kind.name(t))
				l := &load{w: &Writer{Store: s, Count: 300, Drain: time.Minute}}
				end := run(t, l.w)
				l.put(t, 100)
				until(t, "all is written", func() bool { return l.told.Load() == 100 && l.w.State().Waiting == 0 })
				back := outage(t, s)
				l.put(t, 2000)
				until(t, "the store is known to be away", func() bool { return !l.w.State().Reachable })
				l.put(t, 10)
				if err := l.w.State().Err; err == nil || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "pa55") {
					t.Errorf("the state says %v", err)
				}
				if state := l.w.State(); state.Shed == 0 || state.Waiting > 300+maxBatch || state.Findings == 0 {
					t.Errorf("while it is away: %+v", state)
				}
				until(t, "everybody was told", func() bool { return l.told.Load() == l.written })
				stored := l.stored.Load()
				back()
				until(t, "the store is back", func() bool { return l.w.State().Reachable && l.w.State().Waiting == 0 })
				l.put(t, 10)
				until(t, "somebody is told again", func() bool { return l.stored.Load() >= stored+10 })
				if err := end(); err != nil {
					t.Error(err)
				}
				l.check(t, s)
			})
		}
	}
}

// outages make a store unavailable; the functions that they return restore it.
var outages = map[string]map[string]func(t *testing.T, s *Store) (back func()){
	"file":   {"locked": locked, "full": full, "read-only": readOnly, "gone": gone},
	"memory": {"full": full, "read-only": readOnly, "gone": gone},
	"postgres": {
		"stopped": func(t *testing.T, _ *Store) func() {
			c := postgresCluster(t)
			c.signal(t, syscall.SIGSTOP)
			return func() { c.signal(t, syscall.SIGCONT) }
		},
		"shut down": func(t *testing.T, _ *Store) func() { return shut(t, "fast") },
		"crashed":   func(t *testing.T, _ *Store) func() { return shut(t, "immediate") },
		"read-only": readOnly,
		"gone":      gone,
		"locked": func(t *testing.T, s *Store) func() {
			tx, err := s.pool().BeginTx(context.Background(), nil)
			if err == nil {
				_, err = tx.ExecContext(t.Context(), "LOCK TABLE findings IN EXCLUSIVE MODE")
			}
			if err != nil {
				t.Fatal(err)
			}
			return func() { tx.Rollback() }
		},
	},
}

func shut(t *testing.T, mode string) func() {
	c := postgresCluster(t)
	if err := c.stop(mode); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := c.start(); err != nil {
			t.Fatal(err)
		}
	}
}

func locked(t *testing.T, s *Store) func() {
	tx, err := s.pool().BeginTx(context.Background(), nil) // BEGIN IMMEDIATE
	if err != nil {
		t.Fatal(err)
	}
	return func() { tx.Rollback() }
}

// full keeps the store from growing.
func full(t *testing.T, s *Store) func() {
	s.pool().SetMaxOpenConns(1) // the limit is set per connection
	must(t, s, "PRAGMA max_page_count = 1")
	return func() { must(t, s, "PRAGMA max_page_count = 1000000") }
}

func readOnly(t *testing.T, s *Store) func() {
	if s.dialect == postgres {
		name := s.name[strings.LastIndexByte(s.name, '/')+1:]
		admin := postgresCluster(t).admin(t)
		set := func(to string) {
			if _, err := admin.ExecContext(t.Context(), "ALTER DATABASE "+name+" SET default_transaction_read_only = "+to); err != nil {
				t.Fatal(err)
			}
		}
		set("on")
		s.pool().SetMaxIdleConns(0) // it applies to new connections
		return func() { set("off") }
	}
	s.pool().SetMaxOpenConns(1)
	must(t, s, "PRAGMA query_only = 1")
	return func() { must(t, s, "PRAGMA query_only = 0") }
}

// gone removes a table.
func gone(t *testing.T, s *Store) func() {
	must(t, s, "ALTER TABLE findings RENAME TO was")
	return func() { must(t, s, "ALTER TABLE was RENAME TO findings") }
}

func must(t testing.TB, s *Store, statement string) {
	t.Helper()
	if _, err := s.pool().ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
