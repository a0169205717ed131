package web

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// compareJSON is the comparison of two runs.
type compareJSON struct {
	Schema   int                 `json:"schema"`
	A        string              `json:"a"` // IDs of the runs
	B        string              `json:"b"`
	Summary  map[accept.Kind]int `json:"summary"`
	Findings []accept.Difference `json:"findings"` // but for the unchanged ones
	Next     string              `json:"next,omitempty"`
}

func (s *Server) compare(w http.ResponseWriter, q *http.Request) {
	if s.kept(w) == nil {
		return
	}
	most, bad := limit(q)
	var missing error
	if q.FormValue("a") == "" || q.FormValue("b") == "" {
		missing = errors.New("name the two runs, as in ?a=last~1&b=last")
	}
	if badRequest(w, bad, missing) {
		return
	}
	var ids [2]string
	var found [2]accept.Findings
	for i, name := range []string{q.FormValue("a"), q.FormValue("b")} {
		r, err := s.Store.FindRun(q.Context(), name)
		if err == nil {
			ids[i], err = r.ID, gather(q.Context(), s.Store, r.ID, &found[i])
		}
		if err != nil {
			unserved(w, err)
			return
		}
	}
	all := accept.Diff(&found[0], &found[1])
	shown := compareJSON{Schema: 1, A: ids[0], B: ids[1], Summary: accept.Summary(all)}
	changed := slices.DeleteFunc(all, func(d accept.Difference) bool { return d.Kind == accept.Unchanged })
	page, next, err := pageAfter(changed, q.FormValue("after"), most, func(d *accept.Difference) string { return d.Is().Fingerprint })
	if badRequest(w, err) {
		return
	}
	shown.Next = next
	shown.Findings = append([]accept.Difference{}, page...) // never null
	answer(w, http.StatusOK, shown)
}

// gather adds the findings of a run: from its exchanges, and those whose exchanges were not kept.
func gather(ctx context.Context, s *store.Store, run string, into *accept.Findings) error {
	q := store.Query{Run: run}
	err := s.Rulings(ctx, q, func(r *rules.Ruling) error {
		into.Add(r)
		return nil
	})
	if err != nil {
		return err
	}
	return Known(ctx, s, q, into)
}

// Known adds the findings of a query that did not pass, if this release has their rules.
func Known(ctx context.Context, s *store.Store, q store.Query, into *accept.Findings) error {
	all, err := s.Findings(ctx, q)
	for i := range all {
		f := &all[i]
		rule := rules.Find(f.Rule)
		if rule == nil || f.Verdict >= rules.Pass {
			continue // another release's
		}
		known := accept.Found{Fingerprint: f.Fingerprint, Key: f.Key, Rule: rule, Tally: f.Tally, State: f.State}
		known.By[f.Verdict] = f.Count
		into.Know(known)
	}
	return err
}
