package web

import (
	"net/http"
	"time"

	"github.com/interlock-proxy/interlock/internal/store"
)

// storedJSON is a run that the store has.
type storedJSON struct {
	ID       string            `json:"id"`
	Command  string            `json:"command"`
	Target   string            `json:"target"` // the URLs that were probed, or the backend that traffic went to
	Origin   string            `json:"origin"`
	Version  string            `json:"version"`
	Instance string            `json:"instance"`
	Labels   map[string]string `json:"labels"`
	Began    time.Time         `json:"began"`
	Ended    *time.Time        `json:"ended"`   // null while it runs, or if it was killed
	Stopped  bool              `json:"stopped"` // it was stopped, or its backend went away, before all was done
	Summary  map[string]int64  `json:"summary"`
	Results  []store.Result    `json:"results,omitempty"` // of its probes, where one run is asked for
}

// storedRunsJSON is a page of runs, the latest first.
type storedRunsJSON struct {
	Runs []storedJSON `json:"runs"`
	Next string       `json:"next,omitempty"` // the cursor of the next page, for the parameter after
}

func storedOf(r *store.Run) storedJSON {
	is := storedJSON{
		ID: r.ID, Command: r.Command, Target: r.Target, Stopped: r.Stopped, Origin: r.Origin, Version: r.Version, Instance: r.Instance, Labels: r.Labels, Began: r.Began, Summary: r.Summary,
	}
	if is.Labels == nil {
		is.Labels = map[string]string{}
	}
	if is.Summary == nil {
		is.Summary = map[string]int64{}
	}
	if !r.Ended.IsZero() {
		is.Ended = &r.Ended
	}
	return is
}

func (s *Server) listStored(w http.ResponseWriter, q *http.Request) {
	if s.kept(w) == nil {
		return
	}
	most, err := limit(q)
	if badRequest(w, err) {
		return
	}
	all, err := s.Store.Runs(q.Context())
	if err != nil {
		unserved(w, err)
		return
	}
	page, next, err := pageAfter(all, q.FormValue("after"), most, func(r *store.Run) string { return r.ID })
	if badRequest(w, err) {
		return
	}
	shown := storedRunsJSON{Runs: []storedJSON{}, Next: next}
	for i := range page {
		shown.Runs = append(shown.Runs, storedOf(&page[i]))
	}
	answer(w, http.StatusOK, shown)
}

func (s *Server) showStored(w http.ResponseWriter, q *http.Request) {
	if s.kept(w) == nil {
		return
	}
	r, err := s.Store.FindRun(q.Context(), q.PathValue("id"))
	if err != nil {
		unserved(w, err)
		return
	}
	is := storedOf(&r)
	if is.Results, err = s.Store.Results(q.Context(), r.ID); err != nil {
		unserved(w, err)
		return
	}
	answer(w, http.StatusOK, is)
}
