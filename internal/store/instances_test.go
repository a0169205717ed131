package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
)

// beating returns a running writer that sends heartbeats and nothing else, and ends it.
func beating(t *testing.T, s *Store, of Beat) (*Writer, func() error) {
	t.Helper()
	w := &Writer{Store: s, Beat: func() Beat { return of }, Heartbeat: 20 * time.Millisecond, Drain: time.Hour}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	return w, func() error {
		stop()
		return <-ended
	}
}

// instances returns the instances of a store as soon as they are what is wanted.
func instances(t *testing.T, s *Store, wanted func([]Instance) bool) []Instance {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		all, err := s.Instances(t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		if wanted(all) {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %+v", all)
		}
	}
}

// TestAnInstanceWithoutTrafficIsSeen follows one from its first heartbeat to its end.
func TestAnInstanceWithoutTrafficIsSeen(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		of := Beat{Config: "c1", Counts: Counts{Exchanges: 7, Hour: 3, Day: 5, Unsafe: 2}}
		w, end := beating(t, s, of)
		first := instances(t, s, func(all []Instance) bool { return len(all) == 1 && all[0].State == Reporting })[0] // on a busy machine it may be silent before
		if first.Name != "a1" || first.Version != "0.1.0" || first.Config != of.Config || first.Counts != of.Counts || first.Heartbeat != w.Heartbeat {
			t.Errorf("got %+v", first)
		}
		instances(t, s, func(all []Instance) bool { return all[0].Seen.After(first.Seen) })
		if err := end(); err != nil {
			t.Fatal(err)
		}
		last := instances(t, s, func(all []Instance) bool { return all[0].State == Ended })[0]
		if last.Counts != of.Counts || last.Ended.Before(first.Seen) {
			t.Errorf("got %+v", last)
		}
	})
}

// TestTheEndOfAnInstanceStays writes a batch without a heartbeat after the last one.
func TestTheEndOfAnInstanceStays(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		batches := []*batch{{beat: &heartbeat{Beat: Beat{Config: "c"}, ended: true}}, {}}
		for n, b := range batches {
			b.session, b.number, b.every = "s", int64(n+1), 1000
			if _, err := s.write(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		if all := instances(t, s, func([]Instance) bool { return true }); len(all) != 1 || all[0].State != Ended || all[0].Config != "c" {
			t.Errorf("got %+v", all)
		}
	})
}

// TestCommandsAreNotInstances writes as probe and run do.
func TestCommandsAreNotInstances(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		write(t, s, judged(bad("/a")))
		if _, err := s.identity(t.Context()); err != nil {
			t.Fatal(err)
		}
		if all, err := s.Instances(t.Context(), true); err != nil || len(all) != 0 {
			t.Errorf("got %+v, %v", all, err)
		}
	})
}

// TestHeartbeatsDoNotDelayTheEnd ends a writer whose store cannot be reached: there is nothing to
// lose, so it does not fail and does not wait for the store, which it would do for an hour.
func TestHeartbeatsDoNotDelayTheEnd(t *testing.T) {
	s, err := Open(t.Context(), "postgres://postgres@127.0.0.1:1/none", Options{Instance: "a1", Later: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w, end := beating(t, s, Beat{Config: "c"})
	for deadline := time.Now().Add(20 * time.Second); w.State().Reachable; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the heartbeat was not tried")
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestStatesOfInstances makes instances of starts. Each start is a line: name, minutes since it
// began, seconds since it was seen, version, configuration, and words for the rest.
func TestStatesOfInstances(t *testing.T) {
	now := time.Now()
	for _, test := range []struct{ name, starts, want string }{
		{"all alike", "a 60 10 1 x; b 50 20 1 x", "a reporting; b reporting"},
		{"no heartbeat for a while", "a 60 10 1 x; b 50 91 1 x; c 50 89 1 x", "b silent; a reporting; c reporting"},
		{"another configuration than most", "a 60 10 1 x; b 50 1 1 y; c 40 1 1 x", "b differs configuration; a reporting; c reporting"},
		{"another version than most", "a 60 10 1 x; b 50 1 2 y; c 40 1 1 x", "b differs version,configuration; a reporting; c reporting"},
		{"half are new", "a 60 10 1 x; b 50 1 1 x; c 40 1 2 x; d 30 1 2 x", "a differs version; b differs version; c reporting; d reporting"},
		{"silent ones do not count for most", "a 60 900 1 x; b 50 900 1 x; c 40 1 2 x", "a silent; b silent; c reporting"},
		{"ended", "a 60 10 1 x; b 50 900 1 y ended", "a reporting; b ended"},
		{"started again after a kill", "a 60 45 1 x; a 0 1 1 x", "a reporting +1"},
		{"started again after its end", "a 60 45 1 x ended; a 0 1 1 x; b 9 1 1 x", "a reporting +1; b reporting"},
		{"killed twice", "a 60 3600 1 x; a 30 200 1 x", "a silent +1"},
		{"two of the same name", "a 60 1 1 x; a 50 1 1 y; b 50 1 1 x", "a differs configuration; a reporting; b reporting"},
		{"one of the same name is gone", "a 60 1 1 x; a 50 900 1 y", "a reporting +1"},
		{"of a release without heartbeats", "a 900 7200 0 - old; b 50 1 1 x; c 40 1 1 x", "a differs version; b reporting; c reporting"},
		{"started again by a later release", "a 900 300 0 - old; a 4 1 1 x", "a reporting +1"},
		{"forgotten", "a 9000 90000 1 x; b 50 1 1 x", "b reporting"},
		{"forgotten, but not its name", "a 9000 90000 1 x; a 50 1 1 x", "a reporting +1"},
	} {
		var starts []Start
		for _, line := range strings.Split(test.starts, "; ") {
			var s Start
			var began, seen int
			words := strings.Fields(line)
			if _, err := fmt.Sscan(strings.Join(words[:5], " "), &s.Name, &began, &seen, &s.Version, &s.Config); err != nil {
				t.Fatal(err)
			}
			s.Age, s.Heartbeat = time.Duration(seen)*time.Second, DefaultHeartbeat
			s.Began, s.Seen = now.Add(-time.Duration(began)*time.Minute), now.Add(-s.Age)
			s.ID = ulid.MustNew(ulid.Timestamp(s.Began), nil).String()
			if slices.Contains(words, "ended") {
				s.Ended = s.Seen
			}
			if slices.Contains(words, "old") {
				s.Heartbeat, s.Config = 0, ""
			}
			starts = append(starts, s)
		}
		slices.SortStableFunc(starts, func(a, b Start) int { return strings.Compare(b.ID, a.ID) })
		var got []string
		for _, i := range instancesOf(starts) {
			text := strings.TrimSpace(i.Name + " " + string(i.State) + " " + strings.Join(i.Differs, ","))
			if len(i.Earlier) > 0 {
				text += fmt.Sprintf(" +%d", len(i.Earlier))
			}
			got = append(got, text)
		}
		if text := strings.Join(got, "; "); text != test.want {
			t.Errorf("%s: got %q, want %q", test.name, text, test.want)
		}
	}
}
