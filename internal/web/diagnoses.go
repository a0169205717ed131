package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/web/filter"
)

// diagnosedJSON counts the exchanges at one endpoint that one diagnosis explains.
type diagnosedJSON struct {
	ID       string    `json:"id"`
	Family   string    `json:"family"` // empty, as is the title: a diagnosis of another release
	Title    string    `json:"title"`
	Route    string    `json:"route"`
	Endpoint string    `json:"endpoint"`
	Count    int64     `json:"count"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Exchange string    `json:"lastExchange"`
}

// diagnosesJSON is a page of counts, the highest first.
type diagnosesJSON struct {
	Diagnoses []diagnosedJSON `json:"diagnoses"`
	Total     int             `json:"total"`          // over all pages
	Next      string          `json:"next,omitempty"` // the cursor of the next page, for the parameter after
}

// key identifies a count among others.
func (d *diagnosedJSON) key() string { return d.ID + " " + d.Route + " " + d.Endpoint }

// errNotCounted is said of a filter that only a look at each exchange answers.
var errNotCounted = errors.New("q: counts can be filtered by path, probe, proto, route, rule, run, since, status, until, verdict, why, is:live and is:unsafe, each once and without a minus sign")

func (s *Server) listDiagnoses(w http.ResponseWriter, q *http.Request) {
	if s.kept(w) == nil {
		return
	}
	most, bad := limit(q)
	query, match, err := filter.Parse(q.FormValue("q"))
	if err == nil && match != nil {
		err = errNotCounted
	}
	if badRequest(w, bad, err) {
		return
	}
	found, err := s.Store.Diagnoses(q.Context(), query)
	if err != nil {
		unserved(w, err)
		return
	}
	all := make([]diagnosedJSON, 0, len(found))
	for i := range found {
		all = append(all, newDiagnosed(&found[i]))
	}
	page, next, err := pageAfter(all, q.FormValue("after"), most, (*diagnosedJSON).key)
	if badRequest(w, err) {
		return
	}
	answer(w, http.StatusOK, diagnosesJSON{append([]diagnosedJSON{}, page...), len(all), next})
}

func newDiagnosed(d *store.Diagnosed) diagnosedJSON {
	is := diagnosedJSON{
		ID: d.ID, Route: d.Route, Endpoint: d.Endpoint, Count: d.Count, First: d.FirstSeen.UTC(), Last: d.LastSeen.UTC(), Exchange: d.LastID,
	}
	if k := diagnose.Find(d.ID); k != nil {
		is.Family, is.Title = string(k.Family), k.Title
	}
	return is
}
