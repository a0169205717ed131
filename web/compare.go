package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/interlock-proxy/interlock/accept"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/store"
)

// compareJSON says what became of findings from one run to another.
type compareJSON struct {
	Schema   int                 `json:"schema"`
	A        string              `json:"a"` // IDs of the runs
	B        string              `json:"b"`
	Summary  map[accept.Kind]int `json:"summary"`
	Findings []differenceJSON    `json:"findings"` // but for the unchanged ones
	Next     string              `json:"next,omitempty"`
}

type differenceJSON struct {
	Kind        accept.Kind `json:"kind"`
	Rule        string      `json:"rule"`
	Probe       string      `json:"probe"`
	Route       string      `json:"route"`
	Endpoint    string      `json:"endpoint"`
	Fingerprint string      `json:"fingerprint"`
	A           *foundJSON  `json:"a"` // null where the run does not have it
	B           *foundJSON  `json:"b"`
}

type foundJSON struct {
	Verdict   rules.Verdict  `json:"verdict"` // the worst
	Severity  rules.Severity `json:"severity"`
	State     string         `json:"state"`
	Detail    string         `json:"detail"`
	Exchanges map[string]int `json:"exchanges"` // by verdict
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
	if wrong(w, bad, missing) {
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
	shown := compareJSON{Schema: 1, A: ids[0], B: ids[1], Summary: map[accept.Kind]int{}, Findings: []differenceJSON{}}
	for _, kind := range accept.Kinds() {
		shown.Summary[kind] = 0
	}
	var changed []accept.Difference
	for _, d := range accept.Diff(&found[0], &found[1]) {
		if shown.Summary[d.Kind]++; d.Kind != accept.Unchanged {
			changed = append(changed, d)
		}
	}
	page, next, err := cut(changed, q.FormValue("after"), most, func(d *accept.Difference) string { return d.Is().Fingerprint })
	if wrong(w, err) {
		return
	}
	shown.Next = next
	for i := range page {
		d := &page[i]
		is := d.Is()
		shown.Findings = append(shown.Findings, differenceJSON{d.Kind, is.Rule.ID, is.Probe, is.Route, is.Endpoint, is.Fingerprint, foundOf(d.A), foundOf(d.B)})
	}
	answer(w, http.StatusOK, shown)
}

// gather reads what a run has found: its exchanges, and those findings of which no exchange is kept.
func gather(ctx context.Context, s *store.Store, run string, into *accept.Findings) error {
	q := store.Query{Run: run}
	err := s.Rulings(ctx, q, func(r *rules.Ruling) error {
		into.Add(r)
		return nil
	})
	if err != nil {
		return err
	}
	all, err := s.Findings(ctx, q)
	for i := range all {
		f := &all[i]
		rule := rules.Find(f.Rule)
		if rule == nil || f.Verdict >= rules.Pass {
			continue // another release's
		}
		known := accept.Found{
			Fingerprint: f.Fingerprint, Rule: rule, Probe: f.Probe, Route: f.Route, Endpoint: f.Endpoint, Verdict: f.Verdict, Severity: f.Severity,
			State: f.State, Detail: f.Detail,
		}
		known.Counts[f.Verdict] = int(f.Count)
		into.Know(known)
	}
	return err
}

func foundOf(f *accept.Found) *foundJSON {
	if f == nil {
		return nil
	}
	one := &foundJSON{f.Verdict, f.Severity, f.State, f.Detail, map[string]int{}}
	for v, n := range f.Counts {
		if n > 0 {
			one.Exchanges[rules.Verdict(v).String()] = n
		}
	}
	return one
}
