package store

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// TestAFindingIsToldByItsWorstVerdict writes one finding in several forms, in every order: in one
// batch, in batches of one instance, by several instances, folded, in several runs, and through an
// export. Text, severity and party are always those of the worst form, which is the most severe one
// of the worst verdict.
func TestAFindingIsToldByItsWorstVerdict(t *testing.T) {
	post := rules.Find("UPGRADE-POST")
	forms := []rules.Finding{
		{Rule: post, Verdict: rules.Fail, Severity: rules.High, Party: rules.Server, Detail: "B, the worst"},
		{Rule: post, Verdict: rules.Fail, Severity: rules.Low, Party: rules.Intermediary, Detail: "Z, a mild failure"},
		{Rule: post, Verdict: rules.Warn, Severity: rules.Critical, Party: rules.Client, Detail: "Y, a warning"},
		{Rule: post, Verdict: rules.Unclear, Severity: rules.Critical, Party: rules.Intermediary, Detail: "A, unclear"},
	}
	form := func(i int, run string) *rules.Ruling {
		r := judged(refused("/chat"))
		r.Findings, r.Verdict, r.Run = []rules.Finding{forms[i]}, forms[i].Verdict, run
		return r
	}
	ways := map[string]func(t *testing.T, s *Store, order []int){
		"one batch": func(t *testing.T, s *Store, order []int) {
			var all []*rules.Ruling
			for _, i := range order {
				all = append(all, form(i, ""))
			}
			write(t, s, all...)
		},
		"batches": func(t *testing.T, s *Store, order []int) {
			w := &Writer{Store: s, Drain: time.Minute}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- w.Run(ctx) }()
			for n, i := range order {
				w.Write(form(i, ""))
				for w.State().Written <= int64(n) {
					if err := pause(t.Context(), time.Millisecond); err != nil {
						t.Fatal(err)
					}
				}
			}
			cancel()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		},
		"instances": func(t *testing.T, s *Store, order []int) {
			for _, i := range order {
				write(t, s, form(i, ""))
			}
		},
		"folded": func(t *testing.T, s *Store, order []int) {
			for _, i := range order {
				write(t, s, form(i, ""))
				if err := s.fold(t.Context(), time.Now().Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
			}
		},
		"runs": func(t *testing.T, s *Store, order []int) {
			for _, i := range order {
				write(t, s, form(i, "01RUN"+forms[i].Detail[:1]))
			}
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, s *Store) {
				for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 0, 3, 1}, {1, 3, 0, 2}} {
					must(t, s, "DELETE FROM findings")
					way(t, s, order)
					all := findings(t, s, Query{})
					if len(all) != 1 || all[0].Verdict != rules.Fail || all[0].Severity != rules.High || all[0].Party != rules.Server || all[0].Detail != "B, the worst" || all[0].Count != 4 {
						t.Errorf("order %v: got %+v", order, all)
					}
					var sums []sum
					if err := s.sums(t.Context(), func(is sum) error { sums = append(sums, is); return nil }); err != nil {
						t.Fatal(err)
					}
					if worst := slices.IndexFunc(sums, func(is sum) bool { return is.Detail == "B, the worst" }); worst < 0 || sums[worst].Severity != rules.High || sums[worst].Party != rules.Server {
						t.Errorf("order %v: exported %+v", order, sums)
					}
				}
			})
		})
	}
}
