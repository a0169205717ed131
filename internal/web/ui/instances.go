package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/store"
)

// maxInstances is how many instances a page lists.
const maxInstances = 200

// instancesView are the instances that share the store, those that need attention first.
type instancesView struct {
	Shared    bool          `json:"shared"` // the store is made for many instances
	Total     int           `json:"total"`
	Instances []instanceRow `json:"instances"`
	Next      string        `json:"next,omitempty"` // the ID after which the next page begins
	State     string        `json:"-"`
	Name      string        `json:"-"`
	States    []choice      `json:"-"`
	More      string        `json:"-"` // the query of the next page
}

// An instanceRow is an instance.
type instanceRow struct {
	store.Instance
	Self bool `json:"self,omitempty"` // it is the one that answers
}

// Class is the class of the state in the style sheet.
func (r *instanceRow) Class() string {
	return map[store.InstanceState]string{store.Silent: "fail", store.Differs: "warn", store.Reporting: "pass", store.Ended: "na"}[r.State]
}

// Symbol is one character.
func (r *instanceRow) Symbol() string {
	return map[store.InstanceState]string{store.Silent: "✖", store.Differs: "!", store.Reporting: "✓", store.Ended: "–"}[r.State]
}

// Runs reports whether the instance counts.
func (r *instanceRow) Runs() bool { return r.State == store.Reporting || r.State == store.Differs }

// Last is when the instance was seen, by the clock of this machine.
func (r *instanceRow) Last() time.Time { return time.Now().Add(-r.Age) }

// Short is the beginning of the hash of a configuration.
func (r *instanceRow) Short() string { return shortHash(r.Config) }

func shortHash(hash string) string { return hash[:min(len(hash), 12)] }

func (u *site) instances(r *http.Request) (sheet, error) {
	s, err := u.kept()
	if err != nil {
		return sheet{}, err
	}
	all, err := s.Instances(r.Context(), true)
	if err != nil {
		return sheet{}, err
	}
	v := instancesView{Shared: s.Shared(), Total: len(all), State: r.FormValue("state"), Name: strings.TrimSpace(r.FormValue("name"))}
	v.choices(all)
	rows := []instanceRow{}
	for _, i := range all {
		if (v.State == "" || v.State == string(i.State)) && strings.Contains(i.Name, v.Name) {
			rows = append(rows, instanceRow{i, i.ID == u.Session})
		}
	}
	if after := r.FormValue("after"); after != "" { // from the beginning if that one is gone
		rows = rows[1+slices.IndexFunc(rows, func(i instanceRow) bool { return i.ID == after }):]
	}
	v.Instances = rows[:min(len(rows), maxInstances)]
	if len(rows) > maxInstances {
		v.Next = v.Instances[maxInstances-1].ID
		v.More = url.Values{"state": {v.State}, "name": {v.Name}, "after": {v.Next}}.Encode()
	}
	return sheet{Title: "Instances", View: v, Follow: u.Events, Names: u.EventNames, Wide: true}, nil
}

// choices are the states by which the list can be filtered, with the number of instances in each.
func (v *instancesView) choices(all []store.Instance) {
	count := map[store.InstanceState]int{}
	for i := range all {
		count[all[i].State]++
	}
	v.States = []choice{{Name: "all", On: v.State == ""}}
	for _, state := range store.InstanceStates() {
		if n := count[state]; n > 0 || v.State == string(state) {
			v.States = append(v.States, choice{string(state) + " " + strconv.Itoa(n), string(state), v.State == string(state)})
		}
	}
}
