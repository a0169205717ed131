package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestMinutesCountEachExchangeOnce has an exchange that changes from a pass into a failure, two
// writers and a probe.
func TestMinutesCountEachExchangeOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		minute := time.Now().Truncate(time.Minute).Add(-time.Hour)
		sent := func(x *wire.Exchange, at time.Duration) *wire.Exchange {
			x.Time = minute.Add(at)
			return x
		}
		turns := sent(good("/chat"), time.Second)
		turns.Final = false
		worse := *turns
		worse.Final, worse.Revision, worse.Request = true, 1, bad("/chat").Request
		probed := judged(sent(bad("/chat"), 0))
		probed.X.Origin, probed.X.Probe, probed.Run = wire.OriginProbe, "UPGRADE-POST", "01R"
		one, two := &Writer{Store: s, Drain: time.Minute}, &Writer{Store: s}
		first := judged(turns)
		one.Write(first)
		one.Write(judged(sent(good("/a"), 59*time.Second)))
		one.Write(judged(sent(refused("/a"), time.Minute)))
		two.Write(judged(sent(good("/b"), time.Second)))
		two.Write(probed)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- one.Run(ctx) }()
		for one.State().Written < 3 {
			if err := pause(t.Context(), time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		one.Write(after(first, &worse))
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		finish(t, two)
		got, err := s.Minutes(t.Context(), minute, minute.Add(time.Hour))
		want := []Minute{
			{minute.UTC(), "websocket", "switched", rules.Fail, 1, 1}, {minute.UTC(), "websocket", "switched", rules.Pass, 2, 0},
			{minute.Add(time.Minute).UTC(), "websocket", "refused", rules.Warn, 1, 0},
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
		for n, bounds := range map[int][2]time.Time{
			3: {}, 2: {minute, minute.Add(time.Minute)}, 1: {minute.Add(time.Minute), {}}, 0: {{}, minute},
		} {
			if got, err := s.Minutes(t.Context(), bounds[0], bounds[1]); err != nil || len(got) != n {
				t.Errorf("from %v to %v: got %v, %v, want %d", bounds[0], bounds[1], got, err, n)
			}
		}
		hours, err := s.Stretches(t.Context(), time.Time{}, time.Time{}, time.Hour)
		sum := int64(0)
		for _, h := range hours {
			if sum += h.Count; !h.Time.Equal(h.Time.Truncate(time.Hour)) {
				t.Errorf("%v does not begin an hour", h.Time)
			}
		}
		if err != nil || sum != 4 {
			t.Errorf("got %v, %v", hours, err)
		}
		if sums, err := s.Totals(t.Context()); err != nil || sums.Unsafe != 1 || sums.Verdicts != [rules.NotApplicable + 1]int64{rules.Fail: 1, rules.Warn: 1, rules.Pass: 2} {
			t.Errorf("got %v, %v", sums, err)
		}
		if _, err := s.Prune(t.Context(), Limits{Age: time.Minute}); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Minutes(t.Context(), time.Time{}, time.Time{}); err != nil || len(got) != 0 {
			t.Errorf("after pruning: %v, %v", got, err)
		}
	})
}

// TestListGoesBothWays goes through the pages to the end and back.
func TestListGoesBothWays(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		began := time.Now().Add(-time.Hour)
		var all []*rules.Ruling
		for i := range 25 {
			x := good("/rooms/17")
			if i%5 == 0 {
				x = bad("/chat")
			}
			x.ID, x.Time = fmt.Sprintf("01X%02d", i), began.Add(time.Duration(i/3)*time.Second) // three at a time
			all = append(all, judged(x))
		}
		write(t, s, all...)
		slices.Reverse(all)
		want := ids(all)
		var down, up []string
		q := Query{Limit: 10}
		l := Listing{Older: true}
		for pages := 0; l.Older; pages++ {
			var err error
			if l, err = s.List(t.Context(), q, false); err != nil || pages > 3 {
				t.Fatal(pages, err)
			}
			if l.Newer != (pages > 0) {
				t.Errorf("page %d: newer %v", pages, l.Newer)
			}
			down = append(down, ids(l.Rulings)...)
			q.Beyond = CursorOf(l.Rulings[len(l.Rulings)-1])
		}
		q.Beyond = CursorOf(all[24])
		for l.Newer = true; l.Newer; q.Beyond = CursorOf(l.Rulings[0]) {
			var err error
			if l, err = s.List(t.Context(), q, true); err != nil || !l.Older || len(up) > 30 {
				t.Fatal(len(up), err)
			}
			up = append(ids(l.Rulings), up...)
		}
		if !slices.Equal(down, want) || !slices.Equal(up, want[:24]) {
			t.Errorf("got\n%q and\n%q, want\n%q", down, up, want)
		}
		for name, d := range map[string]struct {
			q    Query
			want int
		}{
			"grave":               {Query{Grave: true}, 5},
			"benign":              {Query{Benign: true}, 20},
			"an identifier":       {Query{Endpoint: "/rooms/4711"}, 20},
			"a glob":              {Query{Endpoint: "/r*", Protocol: "websocket", Status: 101}, 20},
			"one character":       {Query{Endpoint: "/cha?"}, 5},
			"a rule, and a glob":  {Query{Rule: "UPGRADE-P*", Endpoint: "/c*"}, 5},
			"nothing of the kind": {Query{Protocol: "h2c"}, 0},
		} {
			d.q.Limit = 30
			if l, err := s.List(t.Context(), d.q, false); err != nil || len(l.Rulings) != d.want || l.Newer || l.Older {
				t.Errorf("%s: got %d, %v, %v, %v", name, len(l.Rulings), l.Newer, l.Older, err)
			}
		}
	})
}

// TestListsAreFilteredByTheirIndex checks that rows that a filter leaves out are not read from the
// table.
func TestListsAreFilteredByTheirIndex(t *testing.T) {
	s := open(t, stores[0].name(t))
	w := s.exchanges(&Query{Protocol: "h2c", Endpoint: "/ws*", Status: 101, Grave: true, Origin: "live", Outcome: "switched", Unsafe: true})
	var plan []string
	err := s.each(t.Context(), "EXPLAIN QUERY PLAN SELECT id FROM exchanges"+w.String()+" ORDER BY time DESC, id DESC LIMIT 51", w.args, func(scan func(...any) error) error {
		var id, parent, rest int64
		var text string
		err := scan(&id, &parent, &rest, &text)
		plan = append(plan, text)
		return err
	})
	if err != nil || strings.Join(plan, "; ") != "SCAN exchanges USING COVERING INDEX exchanges_list" {
		t.Errorf("%q, %v", plan, err)
	}
}

// TestFindingsByRule groups the findings of live traffic and of probes, with the latest state.
func TestFindingsByRule(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		began := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
		seen := func(x *wire.Exchange, probe, state string, at time.Duration) *rules.Ruling {
			x.Time, x.Probe = began.Add(at), probe
			if probe != "" {
				x.Origin, x.Controls = wire.OriginProbe, wire.ControlsAccepted
			}
			r := judged(x)
			for i := range r.Findings {
				if r.Findings[i].Verdict < rules.Pass {
					r.Findings[i].State = state
				}
			}
			return r
		}
		write(t, s, seen(bad("/a"), "", rules.StateNew, 0), seen(bad("/a"), "", rules.StateAccepted, 2*time.Second))
		write(t, s, seen(bad("/a"), "", rules.StateNew, time.Second)) // another instance, at a later time, about the same exchange
		write(t, s, seen(bad("/a"), "UPGRADE-POST", rules.StateReproduced, 3*time.Second), seen(bad("/b"), "UPGRADE-POST", "", 4*time.Second))
		for _, folded := range []bool{false, true} {
			if folded {
				if err := s.fold(t.Context(), time.Now().Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
			}
			groups := ByRule(findings(t, s, Query{Rule: "UPGRADE-POST"}))
			if len(groups) != 1 || len(groups[0].Places) != 2 {
				t.Fatalf("got %+v", groups)
			}
			g, a, b := groups[0], groups[0].Places[0], groups[0].Places[1]
			if g.Rule != "UPGRADE-POST" || g.Count != 5 || !g.Unsafe || !g.Live || !g.Probed || g.State != rules.StateReproduced || !g.FirstSeen.Equal(began) ||
				!g.LastSeen.Equal(began.Add(4*time.Second)) || g.Severity != rules.Critical || g.Verdict != rules.Fail {
				t.Errorf("got %+v", g.Extent)
			}
			if a.Endpoint != "/a" || a.Count != 4 || !a.Live || !a.Probed || len(a.Findings) != 2 || a.Findings[0].State != rules.StateAccepted || a.State != rules.StateReproduced {
				t.Errorf("got %+v", a)
			}
			if b.Endpoint != "/b" || b.Count != 1 || b.Live || !b.Probed || b.State != "" {
				t.Errorf("got %+v", b)
			}
		}
	})
}

func TestRunsAreFoundByTheirBeginning(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		w := &Writer{Store: s}
		began := time.Now().Truncate(time.Millisecond)
		for i, id := range []string{"01KAJ2V60000000000000000AA", "01KAJ2V60000000000000000AB", "01KAK000000000000000000000"} {
			r := Run{ID: id, Began: began.Add(time.Duration(i) * time.Second), Target: "http://a/"}
			w.Begin(r)
			r.Ended, r.Summary = began.Add(time.Hour), map[string]int64{"fail": 1}
			w.End(r)
		}
		// None of these is the last run: one is under way, one was stopped, one has another target.
		w.Begin(Run{ID: "01KAL000000000000000000000", Began: began.Add(10 * time.Second), Target: "http://a/"})
		stopped := Run{ID: "01KAL000000000000000000001", Began: began.Add(11 * time.Second), Ended: began.Add(time.Hour), Stopped: true, Target: "http://a/", Summary: map[string]int64{"fail": 1}}
		w.Begin(stopped)
		w.End(stopped)
		other := Run{ID: "01KAL000000000000000000002", Began: began.Add(-time.Hour), Ended: began.Add(time.Hour), Target: "http://b/", Summary: map[string]int64{"pass": 1}}
		w.Begin(other)
		w.End(other)
		for i, summary := range []map[string]int64{{"fail": 0, "not-sent": 197}, {"pass": 1}, {}} { // only the second of these is not empty
			r := Run{ID: "01KAH00000000000000000000" + string(rune('0'+i)), Target: "http://a/", Began: began.Add(time.Duration(i-3) * time.Second), Ended: began, Summary: summary}
			if r.Empty() != (i != 1) {
				t.Errorf("%v: empty %t", summary, r.Empty())
			}
			r.Began = r.Began.Add(time.Minute * time.Duration((i+1)%2)) // the empty ones are the latest
			w.Begin(Run{ID: r.ID, Began: r.Began})
			w.End(r)
		}
		finish(t, w)
		for name, want := range map[string]string{
			"last~3": "01KAH000000000000000000001", "last": "01KAK000000000000000000000", "last~0": "01KAK000000000000000000000", "last~2": "01KAJ2V60000000000000000AA",
			"01KAK": "01KAK000000000000000000000", "01kaj2v60000000000000000ab": "01KAJ2V60000000000000000AB",
		} {
			if r, err := s.FindRun(t.Context(), name); err != nil || r.ID != want || !IsRunName(name) {
				t.Errorf("%s: got %q, %v, want %q", name, r.ID, err, want)
			}
		}
		if r, err := s.FindRunOf(t.Context(), "last", "http://b/"); err != nil || r.ID != "01KAL000000000000000000002" || r.Target != "http://b/" {
			t.Errorf("of another target: got %+v, %v", r, err)
		}
		if r, err := s.FindRunOf(t.Context(), "last", "http://c/"); !errors.Is(err, ErrNotFound) {
			t.Errorf("of a target without runs: got %+v, %v", r, err)
		}
		for name, want := range map[string]error{"last~4": ErrNotFound, "01KB": ErrNotFound, "01KAJ": ErrAmbiguous, "01K": ErrNotFound, "01%": ErrNotFound, "": ErrNotFound} {
			if r, err := s.FindRun(t.Context(), name); !errors.Is(err, want) {
				t.Errorf("%s: got %q, %v, want %v", name, r.ID, err, want)
			}
		}
	})
}

// TestOldMinutesAreSummedOnce counts in minutes of which there are many: new ones appear at once,
// old ones after pruning.
func TestOldMinutesAreSummedOnce(t *testing.T) {
	s := open(t, "memory")
	now := time.Now().UnixMilli() / 60_000
	count := func(first int64, rows int) {
		t.Helper()
		must(t, s, fmt.Sprintf(`WITH RECURSIVE n(m) AS (SELECT %d UNION ALL SELECT m + 1 FROM n WHERE m < %d)
			INSERT INTO minutes (minute, protocol, outcome, verdict, count, unsafe) SELECT m, 'websocket', 'switched', 3, 2, 1 FROM n`, first, first+int64(rows)-1))
	}
	is := func(want int64) {
		t.Helper()
		if got, err := s.Totals(t.Context()); err != nil || got.Verdicts[rules.Pass] != 2*want || got.Unsafe != want {
			t.Errorf("got %+v, %v, want %d", got, err, want)
		}
	}
	count(now-sumAge-2*sumRows, sumRows)
	is(sumRows)
	count(now, 3)
	is(sumRows + 3)
	count(now-sumAge-10, 5)
	is(sumRows + 3)
	if _, err := s.Prune(t.Context(), Limits{}); err != nil {
		t.Fatal(err)
	}
	is(sumRows + 8)
}
