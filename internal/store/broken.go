package store

import (
	"slices"

	"github.com/interlock-proxy/interlock/rules"
)

// A Broken is a rule that did not pass, with its places.
type Broken struct {
	Rule string
	Extent
	Places []Place // worst first, then by route and endpoint
}

// A Place is a route and an endpoint at which a rule did not pass.
type Place struct {
	Route, Endpoint string
	Extent
	Findings []Finding // by live traffic, and by each probe
}

// An Extent sums up several findings.
type Extent struct {
	rules.Tally
	Live   bool   // shown by live traffic
	Probed bool   // shown by a probe
	State  string // the first of new, reproduced, known, accepted
}

// ByRule groups findings, which must be in the order of [Store.Findings]: the rule with the worst
// finding first.
func ByRule(all []Finding) []Broken {
	var groups []Broken
	of := map[string]int{}
	places := map[rules.Key]int{}
	for _, f := range all {
		i, known := of[f.Rule]
		if !known {
			i = len(groups)
			of[f.Rule] = i
			groups = append(groups, Broken{Rule: f.Rule})
		}
		g := &groups[i]
		at := f.Key.Place()
		j, known := places[at]
		if !known {
			j = len(g.Places)
			places[at] = j
			g.Places = append(g.Places, Place{Route: f.Route, Endpoint: f.Endpoint})
		}
		g.add(&f)
		g.Places[j].add(&f)
		g.Places[j].Findings = append(g.Places[j].Findings, f)
	}
	return groups
}

// add adds a finding.
func (e *Extent) add(f *Finding) {
	e.Merge(&f.Tally)
	e.Live, e.Probed = e.Live || f.Probe == "", e.Probed || f.Probe != ""
	if order := [...]string{rules.StateNew, rules.StateReproduced, rules.StateKnown, rules.StateAccepted}; e.State == "" || f.State != "" && slices.Index(order[:], f.State) < slices.Index(order[:], e.State) {
		e.State = f.State
	}
}
