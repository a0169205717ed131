package store

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// explains returns the ruling of an exchange at a time, with these diagnoses.
func explains(target string, at time.Time, ids ...string) *rules.Ruling {
	x := good(target)
	x.Time = at
	r := judged(x)
	r.Endpoint = rules.EndpointOf(x)
	for _, id := range ids {
		r.Diagnoses = append(r.Diagnoses, rules.Diagnosis{ID: id, Text: "It is so", Cause: "Something", Fix: "nothing"})
	}
	return r
}

// TestDiagnosesAreFoundAndCounted checks in every kind of store that exchanges are found by
// diagnosis, and counted by diagnosis, endpoint and time.
func TestDiagnosesAreFoundAndCounted(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		began := time.UnixMilli(1_800_000_000_000).UTC()
		later := began.Add(90 * time.Minute)
		run := explains("/c", later, "gone")
		run.Run = "R1"
		last := explains("/a", later, "gone")
		first, other := explains("/a", began, "gone", "gone", "idle"), explains("/b", began, "idle-long")
		write(t, s, first, other, last, explains("/a", began), run)
		for pattern, want := range map[string]int{"": 5, "*": 4, "gone": 3, "idle": 1, "idle*": 2, "gon?": 3, "GONE": 0, "%": 0, "idle_long": 0, "[": 0, `"`: 0} {
			q := Query{Why: pattern}
			if got := read(t, s, q); len(got) != want {
				t.Errorf("%q: got %d exchanges, want %d", pattern, len(got), want)
			}
			if n, err := s.Count(t.Context(), q); err != nil || n != int64(want) {
				t.Errorf("%q: counted %d, %v, want %d", pattern, n, err, want)
			}
		}
		all, err := s.Diagnoses(t.Context(), Query{Live: true})
		if err != nil {
			t.Fatal(err)
		}
		want := []Diagnosed{
			{"gone", "default", "/a", 2, began, later, max(first.X.ID, last.X.ID)},
			{"idle", "default", "/a", 1, began, began, first.X.ID}, {"idle-long", "default", "/b", 1, began, began, other.X.ID},
		}
		if !slices.Equal(all, want) {
			t.Errorf("got %+v, want %+v", all, want)
		}
		if all, err := s.Diagnoses(t.Context(), Query{Since: later, Why: "gone"}); err != nil || len(all) != 2 || all[0].Endpoint != "/a" || all[1].Endpoint != "/c" {
			t.Errorf("since: got %+v, %v", all, err)
		}
		moments, err := s.Moments(t.Context(), Query{Live: true, Why: "gone"}, time.Hour)
		if err != nil || len(moments) != 3 || moments[0].ID != "gone" || moments[0].Count != 1 || !moments[2].Time.Equal(later.Truncate(time.Hour)) {
			t.Errorf("got %+v, %v", moments, err)
		}
	})
}

// TestDiagnosesOfAnExchangeAreThoseOfItsLastReport checks that a later report replaces the
// diagnoses, that an import keeps them, and that unusual IDs do no harm.
func TestDiagnosesOfAnExchangeAreThoseOfItsLastReport(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		first := explains("/a", time.Now(), "first")
		x := *first.X
		x.Revision = 1
		second := *first
		second.X = &x
		second.Diagnoses = []rules.Diagnosis{{ID: "second"}}
		odd := explains("/odd", time.Now(), "\x00\xff'\"]", "e\u0301")
		for i := range 90 {
			odd.Diagnoses = append(odd.Diagnoses, rules.Diagnosis{ID: fmt.Sprint(i, strings.Repeat("é", 2000))})
		}
		write(t, s, first, &second, odd)
		if len(read(t, s, Query{Why: "first"})) != 0 || len(read(t, s, Query{Why: "second"})) != 1 {
			t.Error("the diagnoses are not those of the last report")
		}
		if got := read(t, s, Query{Why: "e\u0301"}); len(got) != 1 || len(got[0].Diagnoses) != 92 {
			t.Errorf("got %d exchanges with an odd diagnosis", len(got))
		}
		var export bytes.Buffer
		if err := s.Export(t.Context(), &export); err != nil {
			t.Fatal(err)
		}
		other := open(t, "memory")
		if _, err := other.Import(t.Context(), &export); err != nil {
			t.Fatal(err)
		}
		if len(read(t, other, Query{Why: "second"})) != 1 {
			t.Error("an import lost a diagnosis")
		}
	})
}
