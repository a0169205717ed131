package store

import (
	"slices"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// TestAClockThatJumpsLosesNothing writes exchanges whose times jump by up to thirty years in both
// directions, as on a machine that sets its clock while it runs. In this test the times of
// exchanges are the clock.
func TestAClockThatJumpsLosesNothing(t *testing.T) {
	const year = 365 * 24 * time.Hour
	jumps := []time.Duration{0, time.Hour, -time.Hour, 30 * year, time.Second, -20 * time.Hour, 30*year + time.Hour, 2 * time.Second}
	everywhere(t, func(t *testing.T, s *Store) {
		now := time.Now()
		var all []*rules.Ruling
		for _, jump := range jumps {
			x := bad("/chat")
			x.Time = now.Add(jump)
			all = append(all, judged(x))
		}
		for _, r := range all { // one batch each
			write(t, s, r)
		}
		found := findings(t, s, Query{})
		first, last := now.Add(-20*time.Hour).Truncate(time.Millisecond), now.Add(30*year+time.Hour).Truncate(time.Millisecond)
		if len(found) != 1 || found[0].Count != int64(len(jumps)) || !found[0].FirstSeen.Equal(first) || !found[0].LastSeen.Equal(last) {
			t.Errorf("got %+v, want %d exchanges from %v to %v", found, len(jumps), first, last)
		}
		var paged []string
		for q := (Query{Newest: true, Limit: 3}); ; {
			page := read(t, s, q)
			if len(page) == 0 {
				break
			}
			paged = append(paged, ids(page)...)
			x := page[len(page)-1].X
			q.Beyond = Cursor{Time: x.Time, ID: x.ID}
		}
		if want := ids(all); !slices.Equal(slices.Sorted(slices.Values(paged)), slices.Sorted(slices.Values(want))) {
			t.Errorf("pages have %q, want %q in any order", paged, want)
		}
		if _, err := s.Prune(t.Context(), Limits{Age: 2 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		if left := read(t, s, Query{}); len(left) != len(jumps) { // one is old, but it is the first of its finding
			t.Errorf("%d are left, want all %d", len(left), len(jumps))
		}
		if found := findings(t, s, Query{}); len(found) != 1 || found[0].Count != int64(len(jumps)) {
			t.Errorf("got %+v after pruning", found)
		}
	})
}

// TestAgesAreMeasuredFromTheTimeGiven sets the clock thirty years forward under a writer: exchanges
// have the new time, but the writer's own clock does not.
func TestAgesAreMeasuredFromTheTimeGiven(t *testing.T) {
	const year = 365 * 24 * time.Hour
	everywhere(t, func(t *testing.T, s *Store) {
		now := time.Now()
		var all []*rules.Ruling
		for _, at := range []time.Time{now, now, now.Add(30 * year)} { // the first prune spares everything
			x := bad("/chat")
			x.Time = at
			all = append(all, judged(x))
		}
		write(t, s, all...)
		for _, step := range []struct {
			at   time.Time
			left int
		}{{now.Add(time.Hour), 3}, {now.AddDate(0, 2, 0), 2}, {now.Add(31 * year), 0}} {
			if _, err := s.pruneAt(t.Context(), Limits{}, step.at, false); err != nil {
				t.Fatal(err)
			}
			if left := read(t, s, Query{}); len(left) != step.left {
				t.Errorf("%d are left at %v, want %d", len(left), step.at, step.left)
			}
		}
	})
}
