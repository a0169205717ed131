package store

import (
	"fmt"
	"testing"
	"time"
)

// TestCountsOfKnownEndpointsWait has endpoints written at once when they are new, and then every ten seconds.
func TestCountsOfKnownEndpointsWait(t *testing.T) {
	var l learned
	var total int64
	now := time.Now()
	add := func(path string) { l.add(Endpoint{Endpoint: path, Count: 1}) }
	for _, step := range []struct {
		seen  []string
		after time.Duration
		all   bool
		want  string
		wait  time.Duration
	}{
		{[]string{"/a", "/a", "/b"}, 0, false, "map[/a:2 /b:1]", 0},
		{[]string{"/a", "/a"}, 0, false, "map[]", learnedFor},
		{[]string{"/a", "/c"}, time.Second, false, "map[/c:1]", learnedFor - time.Second},
		{[]string{"/b"}, learnedFor - time.Millisecond, false, "map[]", time.Millisecond},
		{nil, learnedFor, false, "map[/a:3 /b:1]", 0},
		{[]string{"/c"}, learnedFor, false, "map[]", learnedFor},
		{nil, learnedFor, true, "map[/c:1]", 0},
		{nil, learnedFor, true, "map[]", 0},
	} {
		for _, path := range step.seen {
			add(path)
		}
		endpoints, wait := l.take(now.Add(step.after), step.all)
		got := map[string]int64{}
		for key, e := range endpoints {
			got[key.endpoint], total = e.Count, total+e.Count
		}
		if text := fmt.Sprint(got); text != step.want || wait != step.wait {
			t.Errorf("after %v: got %s and %v, want %s and %v", step.after, text, wait, step.want, step.wait)
		}
	}
	if total != 9 {
		t.Errorf("%d of 9 were written", total)
	}
}

// TestLearnedEndpointsAreBounded has clients name thousands of hosts.
func TestLearnedEndpointsAreBounded(t *testing.T) {
	var l learned
	now := time.Now()
	for i := range 10 * maxKnown {
		l.add(Endpoint{Host: fmt.Sprint(i), Count: 1})
		if i%500 == 0 {
			if endpoints, _ := l.take(now, false); len(endpoints) > 500 {
				t.Fatalf("%d in a batch", len(endpoints))
			}
		}
		if len(l.known) > maxKnown || len(l.waiting) > maxKnown+maxLearned {
			t.Fatalf("%d known, %d waiting", len(l.known), len(l.waiting))
		}
	}
	for i := range 2 * maxLearned {
		l.add(Endpoint{Host: "more" + fmt.Sprint(i), Count: 1})
	}
	if l.fresh != maxLearned {
		t.Errorf("%d new ones wait", l.fresh)
	}
}

// TestCountsAreWrittenAtTheEnd has a writer end while a count waits.
func TestCountsAreWrittenAtTheEnd(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		w := &Writer{Store: s}
		w.Write(judged(good("/chat")))
		b := w.next()
		if _, err := s.write(t.Context(), b); err != nil || len(b.endpoints) != 1 {
			t.Fatalf("%d endpoints in the batch, %v", len(b.endpoints), err)
		}
		w.delivered(b, 0)
		w.Write(judged(good("/chat")))
		b = w.next()
		if _, err := s.write(t.Context(), b); err != nil || len(b.endpoints) != 0 {
			t.Fatalf("%d endpoints in the batch, %v", len(b.endpoints), err)
		}
		w.delivered(b, 0)
		finish(t, w)
		all, err := s.Endpoints(t.Context())
		if err != nil || len(all) != 1 || all[0].Count != 2 {
			t.Errorf("got %+v, %v", all, err)
		}
	})
}
