package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

func TestSilentInstancesAreFolded(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		for range 3 { // with another writer each time
			write(t, s, judged(bad("/chat")))
		}
		back := &Writer{Store: s}
		back.Write(judged(bad("/chat")))
		flush(t, back)
		before := marshal(t, findings(t, s, Query{}))
		rows := func() (n int) {
			if err := s.pool().QueryRowContext(t.Context(), "SELECT COUNT(*) FROM findings").Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if err := s.fold(t.Context(), time.Now().Add(-time.Hour)); err != nil || rows() != 4 {
			t.Fatalf("%d rows, %v", rows(), err)
		}
		for range 2 {
			if err := s.fold(t.Context(), time.Now().Add(time.Hour)); err != nil || rows() != 1 {
				t.Errorf("%d rows, %v", rows(), err)
			}
			if after := marshal(t, findings(t, s, Query{})); after != before {
				t.Errorf("was %s, is %s", before, after)
			}
		}
		back.Write(judged(bad("/chat")))
		finish(t, back)
		if found := findings(t, s, Query{}); found[0].Count != 5 || rows() != 2 {
			t.Errorf("got %+v in %d rows", found, rows())
		}
	})
}

// TestTenWritersCountExactly has ten instances write the same and different findings at once, while
// each folds the findings of the others.
func TestTenWritersCountExactly(t *testing.T) {
	for _, kind := range stores {
		if kind.kind == "memory" {
			continue // only one program can use this store
		}
		t.Run(kind.kind, func(t *testing.T) {
			name := kind.name(t)
			const writers, each = 10, 40
			all := make([]*Store, writers)
			var start sync.WaitGroup
			errs := make([]error, writers)
			for i := range writers { // the first ones create the tables
				start.Go(func() { all[i], errs[i] = Open(t.Context(), name, Options{Instance: "replica"}) })
			}
			start.Wait()
			for i, err := range errs {
				if err != nil {
					t.Fatal(err)
				}
				defer all[i].Close()
			}
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			for i, s := range all {
				w := &Writer{Store: s, Drain: time.Minute}
				running.Go(func() { errs[i] = w.Run(ctx) })
				start.Go(func() {
					for n := range each {
						w.Write(judged(bad("/chat")))
						w.Write(judged(bad(fmt.Sprintf("/own-%c", 'a'+i))))
						if n%10 == 0 && i%2 == 0 {
							// A writer that does not get the lock in time folds later; the sums are
							// right all the same.
							if err := s.fold(ctx, time.Now().Add(time.Hour)); err != nil && !errors.Is(err, ErrUnreachable) {
								t.Error(err)
							}
						}
					}
				})
			}
			start.Wait()
			cancel()
			running.Wait()
			for _, err := range errs {
				if err != nil {
					t.Error(err)
				}
			}
			for _, f := range findings(t, all[0], Query{}) {
				want := int64(each)
				if f.Endpoint == "/chat" {
					want *= writers
				}
				if f.Count != want {
					t.Errorf("%s: got %d, want %d", f.Endpoint, f.Count, want)
				}
			}
			if n, err := all[0].Count(t.Context(), Query{}); n != 2*writers*each || err != nil {
				t.Errorf("%d exchanges, %v", n, err)
			}
			if e, err := all[0].Findings(t.Context(), Query{}); len(e) != writers+1 || err != nil {
				t.Errorf("%d findings, %v", len(e), err)
			}
		})
	}
}

func TestRetention(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		now := time.Now()
		var all []*rules.Ruling
		for i := range 20 {
			x := good("/chat")
			if i < 10 {
				x = bad("/chat")
			}
			x.ID, x.Time = fmt.Sprintf("%02d", i), now.Add(time.Duration(i-19)*24*time.Hour)
			all = append(all, judged(x))
		}
		w := &Writer{Store: s}
		w.Begin(Run{ID: "01R", Began: now.Add(-time.Hour)})
		w.Begin(Run{ID: "00R", Began: now.Add(-400 * 24 * time.Hour)})
		flush(t, w)
		write(t, s, all...)
		is := func(what, want string) {
			t.Helper()
			if got := strings.Join(ids(read(t, s, Query{})), " "); got != want {
				t.Errorf("%s: got %q, want %q", what, got, want)
			}
		}
		prune := func(l Limits) Pruned {
			t.Helper()
			p, err := s.Prune(t.Context(), l)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		if p := prune(Limits{}); p.Exchanges != 0 || p.Bytes != 0 {
			t.Errorf("the defaults delete %+v", p)
		}
		if p := prune(Limits{Age: 14*24*time.Hour + time.Hour}); p.Exchanges != 4 || p.Bytes < 4000 {
			t.Errorf("deleted %+v", p)
		}
		is("by age", "00 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19") // the first of its finding stays
		prune(Limits{Count: 6})
		is("by count", "00 15 16 17 18 19")
		z, err := s.Size(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		left := "00 16 17 18 19"
		if s.path != "" {
			left = "00 15 16 17 18 19" // most of this file is not exchanges: see TestTheFileStaysWithinItsBound
		}
		prune(Limits{Bytes: z.Bytes - 1})
		is("by bytes", left)
		prune(Limits{Bytes: 1})
		is("everything", "")
		if found := findings(t, s, Query{}); len(found) != 1 || found[0].Count != 10 {
			t.Errorf("got %+v", found)
		}
		if runs, err := s.Runs(t.Context()); len(runs) != 1 || runs[0].ID != "01R" || err != nil {
			t.Errorf("got %+v, %v", runs, err)
		}
		prune(Limits{Age: time.Hour})
		if found := findings(t, s, Query{}); len(found) != 0 {
			t.Errorf("got %+v", found)
		}
	})
}

func TestAnExportIsImportedOnce(t *testing.T) {
	all := corpus(t)[:150]
	for i, x := range []string{"UPGRADE-POST", "UPGRADE-HTTP10"} {
		all[i].X.Origin, all[i].X.Probe, all[i].Run = "probe", x, "01R"
	}
	export := func(t *testing.T, s *Store) string {
		t.Helper()
		var out strings.Builder
		if err := s.Export(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	body := func(text string) string { // the first line has the store's name and the time
		_, rest, _ := strings.Cut(text, "\n")
		return rest
	}
	everywhere(t, func(t *testing.T, s *Store) {
		source := open(t, "memory")
		w := &Writer{Store: source}
		w.Begin(Run{ID: "01R", Command: "probe", Began: time.Now(), Labels: map[string]string{"a": "b"}})
		flush(t, w)
		write(t, source, append([]*rules.Ruling{judged(good("/chat")), judged(bad("/chat"))}, all...)...)
		was := export(t, source)
		for range 2 {
			sum, err := s.Import(t.Context(), strings.NewReader(was))
			if err != nil || sum.Exchanges != int64(len(all)+2) || sum.Runs != 1 || sum.Findings == 0 {
				t.Fatalf("%+v, %v", sum, err)
			}
			if is := export(t, s); body(is) != body(was) {
				t.Fatalf("was\n%.2000s\nis\n%.2000s", body(was), body(is))
			}
		}
		write(t, source, judged(bad("/chat")))
		if err := source.fold(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Import(t.Context(), strings.NewReader(export(t, source))); err != nil {
			t.Fatal(err)
		}
		if err := s.fold(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Import(t.Context(), strings.NewReader(export(t, source))); err != nil {
			t.Fatal(err)
		}
		if is, was := export(t, s), export(t, source); body(is) != body(was) {
			t.Error("what was added does not arrive, or arrives twice")
		}
		write(t, s, judged(bad("/chat")))
		again := export(t, s)
		if _, err := s.Import(t.Context(), strings.NewReader(again)); err != nil || body(export(t, s)) != body(again) {
			t.Errorf("its own export counts, %v", err)
		}
	})
}

func TestWhatIsNoExport(t *testing.T) {
	s := open(t, "memory")
	const first = `{"schema":1,"table":"store","row":{"id":"01S"}}` + "\n"
	for text, want := range map[string]string{
		"":                                  "it is empty",
		"{}":                                "line 1: no export of a store begins so",
		`{"schema":1,"table":"store"}`:      "line 1: ",
		first + "\n{":                       "line 3: unexpected end",
		first + `{"schema":1}`:              "line 2: read a ruling",
		first + `{"table":"runs","row":[]}`: "line 2: json",
		first + strings.Repeat(" ", 9<<20):  "line 2 is longer than",
		first + `{"table":"more","row":{}}`: "",
		first + `{"table":"findings","row":{"rule":"a\u0000","verdict":"x","party":"y","severity":"z"}}`: "",
	} {
		_, err := s.Import(t.Context(), strings.NewReader(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%.60q: got %v, want %q", text, err, want)
		}
	}
	if found := findings(t, s, Query{}); len(found) != 1 || found[0].Verdict != rules.Unclear || found[0].Severity != rules.Critical {
		t.Errorf("got %+v", found)
	}
}

// TestReadersDoNotHoldWritersUp reads a page, and writes before it reads the next one.
func TestReadersDoNotHoldWritersUp(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		write(t, s, judged(good("/chat")), judged(good("/chat")))
		var seen []string
		err := s.Rulings(t.Context(), Query{}, func(r *rules.Ruling) error {
			seen = append(seen, r.X.ID)
			write(t, s, judged(bad("/chat")))
			return s.Export(t.Context(), io.Discard)
		})
		if err != nil || len(seen) != 2 || !slices.IsSorted(seen) {
			t.Errorf("got %q, %v", seen, err)
		}
	})
}
