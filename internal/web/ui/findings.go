package ui

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// findingsView is all findings, by rule or by endpoint.
type findingsView struct {
	Groups     []group  `json:"rules"`
	Findings   int      `json:"findings"`
	Verdict    string   `json:"-"`
	Severity   string   `json:"-"`
	Source     string   `json:"-"`
	State      string   `json:"-"`
	Endpoint   string   `json:"-"`
	By         string   `json:"-"` // rule or endpoint
	Verdicts   []mark   `json:"-"`
	Severities []string `json:"-"`
	Sources    []string `json:"-"`
	States     []string `json:"-"`
	Groupings  []choice `json:"-"` // of grouping
	CanAccept  bool     `json:"-"`
}

// group is a rule that did not pass or, where they are grouped so, an endpoint at which rules did not.
type group struct {
	Rule     string  `json:"rule"`
	Title    string  `json:"title"`
	Label    string  `json:"label"`
	Level    string  `json:"level"`           // empty: the rulebook does not have the rule
	HTTP2    bool    `json:"http2,omitempty"` // the rule is about HTTP/2 alone
	Route    string  `json:"route,omitempty"`
	Endpoint string  `json:"endpoint,omitempty"`
	Mark     mark    `json:"verdict"`
	Severity string  `json:"severity"`
	Count    int64   `json:"count"`
	Places   []place `json:"places"`
}

// place is where it did not pass.
type place struct {
	Rule     string `json:"-"`
	Route    string `json:"route"`
	Endpoint string `json:"endpoint"`
	Mark     mark   `json:"-"`
	rules.Tally
	State  string   `json:"state"`
	Source string   `json:"source"` // live, probe or both
	Probes []string `json:"probes,omitempty"`
	ID     string   `json:"exchange"` // the latest one that shows it
}

// HTTP2 reports whether the rule is about HTTP/2 alone.
func (p place) HTTP2() bool {
	rule := rules.Find(p.Rule)
	return rule != nil && rule.Versions == rules.HTTP2
}

// Problem is what is wrong there, in a sentence.
func (p place) Problem() string { return problemOf(p.Rule, p.Detail) }

func (u *site) findings(r *http.Request) (sheet, error) {
	v := findingsView{
		Verdict: r.FormValue("verdict"), Severity: r.FormValue("severity"), Source: r.FormValue("source"), State: r.FormValue("state"),
		Endpoint: strings.TrimSpace(r.FormValue("endpoint")), By: r.FormValue("by"),
		Verdicts: marks()[:rules.Pass], Sources: []string{"live", "probe", "both"},
		States: []string{rules.StateNew, rules.StateReproduced, rules.StateKnown, rules.StateAccepted}, CanAccept: u.Accept != nil,
	}
	for is := rules.Critical; is > rules.Info; is-- {
		v.Severities = append(v.Severities, is.String())
	}
	q := store.Query{Endpoint: v.Endpoint, Verdicts: store.AtLeast(rules.Unclear)}
	if m, ok := parseMark(v.Verdict); ok {
		q.Verdicts = []rules.Verdict{m.Verdict}
	}
	all, err := u.groups(r.Context(), q)
	if err != nil {
		return sheet{}, err
	}
	v.Groups = []group{}
	for _, g := range all {
		g.Places = slices.DeleteFunc(g.Places, func(p place) bool { return !v.wants(&p) })
		if len(g.Places) > 0 {
			v.Findings += len(g.Places)
			v.Groups = append(v.Groups, g)
		}
	}
	if v.By == "endpoint" {
		v.Groups = byEndpoint(v.Groups)
	} else {
		v.By = "rule"
	}
	for _, each := range []string{"rule", "endpoint"} {
		to := url.Values{"by": {each}, "verdict": {v.Verdict}, "severity": {v.Severity}, "source": {v.Source}, "state": {v.State}, "endpoint": {v.Endpoint}}
		maps.DeleteFunc(to, func(_ string, values []string) bool { return values[0] == "" })
		v.Groupings = append(v.Groupings, choice{"by " + each, to.Encode(), each == v.By})
	}
	return sheet{Title: "Findings", View: v, Follow: u.Events, Names: u.EventNames}, nil
}

// wants reports whether a finding fits what is asked for beside the query.
func (v *findingsView) wants(p *place) bool {
	if v.Source != "" && p.Source != v.Source || v.State != "" && p.State != v.State {
		return false
	}
	i := slices.Index(v.Severities, v.Severity)
	return i < 0 || p.Severity >= rules.Critical-rules.Severity(i)
}

// byEndpoint groups the places of groups by endpoint, that with the worst finding first.
func byEndpoint(all []group) []group {
	groups := []group{}
	for _, g := range all {
		for _, p := range g.Places {
			i := slices.IndexFunc(groups, func(g group) bool { return g.Route == p.Route && g.Endpoint == p.Endpoint })
			if i < 0 {
				i = len(groups)
				groups = append(groups, group{Route: p.Route, Endpoint: p.Endpoint, Mark: p.Mark, Severity: p.Severity.String()})
			}
			groups[i].Count += p.Count
			groups[i].Places = append(groups[i].Places, p)
		}
	}
	return groups
}

// groups are the findings that a query wants, by rule and place.
func (u *site) groups(ctx context.Context, q store.Query) ([]group, error) {
	s, err := u.kept()
	if err != nil {
		return nil, err
	}
	found, err := s.Findings(ctx, q)
	if err != nil {
		return nil, err
	}
	u.states(found)
	var all []group
	for _, b := range store.ByRule(found) {
		g := group{Rule: b.Rule, Mark: mark{b.Verdict}, Severity: b.Severity.String(), Count: b.Count}
		if rule := rules.Find(b.Rule); rule != nil {
			g.Title, g.Label, g.Level, g.HTTP2 = rule.Title, rule.LabelOf(b.Verdict, b.Party), rule.Level.String(), rule.Versions == rules.HTTP2
		}
		for i := range b.Places {
			g.Places = append(g.Places, newPlace(b.Rule, &b.Places[i]))
		}
		all = append(all, g)
	}
	return all, nil
}

func newPlace(rule string, p *store.Place) place {
	is := place{
		Rule: rule, Route: p.Route, Endpoint: p.Endpoint, Mark: mark{p.Verdict}, Tally: p.Tally, State: p.State, Source: "live",
	}
	switch {
	case p.Live && p.Probed:
		is.Source = "both"
	case p.Probed:
		is.Source = "probe"
	}
	if is.State == rules.StateNew && is.Source == "both" {
		is.State = rules.StateReproduced
	}
	var last time.Time
	for _, f := range p.Findings {
		if f.LastSeen.After(last) {
			last, is.ID = f.LastSeen, f.LastID
		}
		if f.Probe != "" {
			is.Probes = append(is.Probes, f.Probe)
		}
	}
	return is
}

// states sets the state of findings that have none: accepted or new.
func (u *site) states(all []store.Finding) {
	var entries []accept.Entry
	if u.Accepted != nil {
		entries = u.Accepted()
	}
	now := time.Now()
	for i := range all {
		f := &all[i]
		rule := rules.Find(f.Rule)
		if f.State == "" {
			f.State = rules.StateNew
		}
		if rule == nil {
			continue
		}
		r := &rules.Ruling{X: &wire.Exchange{Route: f.Route, Probe: f.Probe}, Endpoint: f.Endpoint}
		for j := range entries {
			if e := &entries[j]; !e.Expired(now) && e.Accepts(r, &rules.Finding{Rule: rule}) {
				f.State = rules.StateAccepted
			}
		}
	}
}
