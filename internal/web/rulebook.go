package web

import (
	"context"
	"net/http"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// ruleJSON is a rule as other programs read it.
type ruleJSON struct {
	*rules.Rule
	Probes []string `json:"probes"` // their IDs
	Broken int64    `json:"broken"` // exchanges in which it did not pass
}

// broken is how many exchanges showed each rule not to pass.
func (s *Server) broken(ctx context.Context) (map[string]int64, error) {
	counts := map[string]int64{}
	if s.Store == nil {
		return counts, nil
	}
	all, err := s.Store.Findings(ctx, store.Query{})
	for i := range all {
		counts[all[i].Rule] += all[i].Count
	}
	return counts, err
}

func asJSON(r *rules.Rule, counts map[string]int64) ruleJSON {
	is := ruleJSON{Rule: r, Probes: []string{}, Broken: counts[r.ID]}
	for i := range r.Probes {
		is.Probes = append(is.Probes, r.Probes[i].ID)
	}
	return is
}

func (s *Server) listRules(w http.ResponseWriter, q *http.Request) {
	counts, err := s.broken(q.Context())
	if err != nil {
		unserved(w, err)
		return
	}
	all := []ruleJSON{}
	for _, r := range rules.All() {
		all = append(all, asJSON(r, counts))
	}
	answer(w, http.StatusOK, all)
}

func (s *Server) showRule(w http.ResponseWriter, q *http.Request) {
	r := rules.Find(q.PathValue("id"))
	if r == nil {
		refuse(w, http.StatusNotFound, "there is no such rule; /api/v1/rules lists them")
		return
	}
	counts, err := s.broken(q.Context())
	if err != nil {
		unserved(w, err)
		return
	}
	answer(w, http.StatusOK, asJSON(r, counts))
}
