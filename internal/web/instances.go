package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/store"
)

// instanceJSON is an instance that writes to the store.
type instanceJSON struct {
	store.Instance
	Heartbeat float64 `json:"heartbeatSeconds"` // 0: it sends none
	Self      bool    `json:"self"`             // it is the one that answers
}

// instancesJSON is a page of instances, those that need attention first.
type instancesJSON struct {
	Shared    bool                        `json:"shared"` // the store is made for many instances
	States    map[store.InstanceState]int `json:"states"` // how many are in each
	Instances []instanceJSON              `json:"instances"`
	Total     int                         `json:"total"`          // over all pages
	Next      string                      `json:"next,omitempty"` // the cursor of the next page, for the parameter after
}

func (i *instanceJSON) key() string { return i.ID }

// listInstances lists the instances that share the store, by state and a part of their name.
func (s *Server) listInstances(w http.ResponseWriter, q *http.Request) {
	if s.kept(w) == nil {
		return
	}
	most, bad := limit(q)
	state := store.InstanceState(q.FormValue("state"))
	var wrong error
	if state != "" && !slices.Contains(store.InstanceStates(), state) {
		wrong = fmt.Errorf("state: %q is none of silent, differs, reporting and ended", printed.Start(string(state), 40))
	}
	if badRequest(w, bad, wrong) {
		return
	}
	found, err := s.Store.Instances(q.Context(), true)
	if err != nil {
		unserved(w, err)
		return
	}
	out := instancesJSON{Shared: s.Store.Shared(), States: map[store.InstanceState]int{}}
	for _, is := range store.InstanceStates() {
		out.States[is] = 0
	}
	var all []instanceJSON
	for _, i := range found {
		out.States[i.State]++
		if (state == "" || state == i.State) && strings.Contains(i.Name, q.FormValue("name")) {
			all = append(all, instanceJSON{i, i.Heartbeat.Seconds(), i.ID == s.Session})
		}
	}
	page, next, err := pageAfter(all, q.FormValue("after"), most, (*instanceJSON).key)
	if badRequest(w, err) {
		return
	}
	out.Instances, out.Total, out.Next = append([]instanceJSON{}, page...), len(all), next
	answer(w, http.StatusOK, out)
}
