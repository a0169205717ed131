package web

import (
	"net/http"
	"time"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/web/filter"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// findingJSON is a finding, counted over all instances.
type findingJSON struct {
	rules.Row
	FirstID string `json:"firstExchange"`
	LastID  string `json:"lastExchange"`
}

// findingsJSON is a page of findings, the worst first.
type findingsJSON struct {
	Findings []findingJSON `json:"findings"`
	Total    int           `json:"total"`          // over all pages
	Next     string        `json:"next,omitempty"` // the cursor of the next page, for the parameter after
}

func (s *Server) listFindings(w http.ResponseWriter, q *http.Request) {
	if s.kept(w) == nil {
		return
	}
	most, bad := limit(q)
	query, err := filter.ParseFindings(q.FormValue("q"))
	if badRequest(w, bad, err) {
		return
	}
	all, err := s.Store.Findings(q.Context(), query)
	if err != nil {
		unserved(w, err)
		return
	}
	page, next, err := pageAfter(all, q.FormValue("after"), most, func(f *store.Finding) string { return f.Fingerprint })
	if badRequest(w, err) {
		return
	}
	shown := findingsJSON{Findings: []findingJSON{}, Total: len(all), Next: next}
	var accepted []accept.Entry
	if s.Accepted != nil {
		accepted = s.Accepted()
	}
	for i := range page {
		f := &page[i]
		f.State = stateOf(f, accepted)
		shown.Findings = append(shown.Findings, findingJSON{f.Row, f.FirstID, f.LastID})
	}
	answer(w, http.StatusOK, shown)
}

// stateOf returns accepted if an entry accepts the finding, else the state that it had when it was
// last seen.
func stateOf(f *store.Finding, accepted []accept.Entry) string {
	rule := rules.Find(f.Rule)
	if rule == nil {
		return f.State
	}
	r := &rules.Ruling{X: &wire.Exchange{Route: f.Route, Probe: f.Probe}, Endpoint: f.Endpoint}
	now := time.Now()
	for i := range accepted {
		if e := &accepted[i]; !e.Expired(now) && e.Accepts(r, &rules.Finding{Rule: rule}) {
			return rules.StateAccepted
		}
	}
	if f.State == rules.StateAccepted { // it was, and is not any more
		return rules.StateKnown
	}
	return f.State
}
