package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// TestBatchesOfAllSizesReachPostgres writes batches that are written as a row, as columns and with
// COPY, and each exchange again in a later form.
func TestBatchesOfAllSizesReachPostgres(t *testing.T) {
	s := open(t, postgresCluster(t).database(t))
	for round, n := range []int{1, 2, copyFrom - 1, copyFrom, 3 * copyFrom} {
		var all []*rules.Ruling
		for i := range n {
			x := bad(fmt.Sprintf("/%c/%c", 'a'+round, 'a'+i%20))
			x.Final = false
			all = append(all, judged(x))
		}
		w := &Writer{Store: s}
		for _, r := range all {
			w.Write(r)
		}
		flush(t, w)
		for _, r := range slices.Clone(all) {
			x := *r.X
			x.Revision, x.Final, x.BackendTLS = 1, true, true
			w.Write(after(r, &x))
		}
		finish(t, w)
		var count, changed int64
		for _, r := range read(t, s, Query{Endpoint: fmt.Sprintf("/%c/*", 'a'+round)}) {
			if count++; r.X.Revision == 1 && r.X.BackendTLS {
				changed++
			}
		}
		for _, f := range findings(t, s, Query{Endpoint: fmt.Sprintf("/%c/*", 'a'+round), Rule: "UPGRADE-POST"}) {
			count -= f.Count
		}
		if count != 0 || changed != int64(n) {
			t.Errorf("%d: %d were changed, findings differ by %d", n, changed, count)
		}
	}
	if s.noCopy.Load() {
		t.Error("nothing is copied")
	}
}

// TestAHundredWritersCountExactly has 100 instances write to one database. While they do, some are
// ended and started again as others, their connections are cut off, silent ones are folded,
// evidence is pruned and pages are read. The server accepts 100 connections: who gets none tries
// again.
func TestAHundredWritersCountExactly(t *testing.T) {
	const writers, each = 100, 30
	c := postgresCluster(t)
	name := c.database(t)
	keeper := open(t, name)
	admin, err := c.admin(t).Conn(t.Context()) // later there may be no connection left
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	var writing sync.WaitGroup
	began := time.Now()
	for i := range writers {
		writing.Go(func() {
			if err := writeAs(t.Context(), name, i, each); err != nil {
				t.Error(err)
			}
		})
	}
	written := make(chan struct{})
	go func() { writing.Wait(); close(written) }()
	connections, rounds := 0, 0
	var pruned Pruned
	for done := false; !done; {
		select {
		case <-written:
			done = true
		case <-t.Context().Done():
			t.Fatal("it takes too long")
		default:
		}
		rounds++
		if err := keeper.fold(t.Context(), began.Add(time.Hour)); err != nil && !errors.Is(err, ErrUnreachable) {
			t.Error(err)
		}
		p, err := keeper.pruneAt(t.Context(), Limits{Count: 2000}, time.Now(), true)
		if err != nil && !errors.Is(err, ErrUnreachable) {
			t.Error(err)
		}
		pruned.Exchanges += p.Exchanges
		findings(t, keeper, Query{})
		var n int
		if err := admin.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_stat_activity WHERE application_name = 'interlock'").Scan(&n); err != nil {
			t.Error(err)
		}
		connections = max(connections, n)
		if rounds%3 == 0 { // the end of a transaction becomes unknown
			if _, err := admin.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE application_name = 'interlock' AND query LIKE 'INSERT%' ORDER BY pid LIMIT 5`); err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("%d connections at most, %d rounds, %d exchanges pruned, %s", connections, rounds, pruned.Exchanges, time.Since(began).Round(time.Millisecond))
	checkWriters(t, keeper, writers, each, pruned)
}

// TestAnInstanceHoldsOneConnection reads many pages while exchanges are written.
func TestAnInstanceHoldsOneConnection(t *testing.T) {
	c := postgresCluster(t)
	s := open(t, c.database(t))
	database := s.name[strings.LastIndexByte(s.name, '/')+1:]
	admin := c.admin(t)
	connections := func() (n int) {
		t.Helper()
		if err := admin.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = $1", database).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	w := &Writer{Store: s}
	end := run(t, w)
	ctx, stop := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	for range 20 {
		reading.Go(func() {
			for ctx.Err() == nil {
				if _, err := s.List(ctx, Query{}, false); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	most := 0
	for range 50 {
		w.Write(judged(good("/chat")))
		most = max(most, connections())
	}
	stop()
	reading.Wait()
	if most > maxReads+2 || most < 2 {
		t.Errorf("%d connections while pages are read", most)
	}
	until(t, "one connection is left", func() bool {
		w.Write(judged(good("/chat")))
		return connections() == 1
	})
	if err := end(); err != nil {
		t.Error(err)
	}
}

// writeAs writes exchanges as one instance after another: every third one is ended half way and
// followed by one of another session.
func writeAs(ctx context.Context, name string, i, each int) error {
	half := each
	if i%3 == 0 {
		half = each / 2
	}
	for from := 0; from < each; from += half {
		s, err := Open(ctx, name, Options{Instance: fmt.Sprintf("i-%d", i), Later: true})
		if err != nil {
			return err
		}
		w := &Writer{Store: s, Drain: time.Minute}
		life, end := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- w.Run(life) }()
		for n := from; n < min(from+half, each); n++ {
			w.Write(judged(bad("/chat")))
			w.Write(judged(good(fmt.Sprintf("/own-%c", 'a'+i%26))))
			pause(ctx, 20*time.Millisecond)
		}
		end()
		err = <-done
		if state := w.State(); err == nil && state.Shed != 0 {
			err = fmt.Errorf("%d exchanges were shed", state.Shed)
		}
		if err = errors.Join(err, s.Close()); err != nil {
			return err
		}
	}
	return nil
}

// checkWriters compares what is in the store with what was written.
func checkWriters(t *testing.T, s *Store, writers, each int, pruned Pruned) {
	t.Helper()
	want := int64(writers * each)
	for _, f := range findings(t, s, Query{}) {
		if f.Count != want {
			t.Errorf("finding %s: %d of %d", f.Rule, f.Count, want)
		}
	}
	minutes, err := s.Minutes(t.Context(), time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	sums := map[rules.Verdict]int64{}
	for _, m := range minutes {
		sums[m.Verdict] += m.Count
	}
	if len(sums) != 2 || sums[rules.Fail] != want || sums[rules.Pass] != want {
		t.Errorf("minutes: %v", sums)
	}
	if n, err := s.Count(t.Context(), Query{}); err != nil || n+pruned.Exchanges != 2*want {
		t.Errorf("%d exchanges and %d pruned, of %d, %v", n, pruned.Exchanges, 2*want, err)
	}
	endpoints, err := s.Endpoints(t.Context())
	var seen int64
	for _, e := range endpoints {
		seen += e.Count
	}
	if err != nil || seen != want {
		t.Errorf("endpoints were seen %d times, %v", seen, err)
	}
}
