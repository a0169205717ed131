package ui

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/store"
)

// diagnosesView is what explains exchanges, by diagnosis and endpoint.
type diagnosesView struct {
	Range    string       `json:"range"`
	All      bool         `json:"all"` // probes and runs count too
	Groups   []explained  `json:"diagnoses"`
	Count    int64        `json:"count"` // exchanges, each once for each of its diagnoses
	Ranges   []choice     `json:"-"`
	Sources  []choice     `json:"-"`
	Families []familyView `json:"-"`
}

// explained is a diagnosis and the exchanges that it explains.
type explained struct {
	ID     string        `json:"id"`
	Family string        `json:"family"` // empty, as is the title: a diagnosis of another release
	Title  string        `json:"title"`
	Cause  string        `json:"cause"` // the one of this kind if nothing in the exchange points to another; empty: unknown
	Fix    string        `json:"fix"`   // the first thing to change then
	More   int           `json:"-"`     // further causes
	Count  int64         `json:"count"`
	First  time.Time     `json:"first"`
	Last   time.Time     `json:"last"`
	Places []explainedAt `json:"places"`
	Trend  trend         `json:"trend"`
	Filter string        `json:"filter"` // of these exchanges
}

// explainedAt is an endpoint at which a diagnosis was made.
type explainedAt struct {
	Route    string    `json:"route"`
	Endpoint string    `json:"endpoint"`
	Count    int64     `json:"count"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	ID       string    `json:"exchange"` // the last one
	Filter   string    `json:"filter"`
}

// familyView is a family of the catalogue.
type familyView struct {
	Name  diagnose.Family
	Kinds []*diagnose.Kind
}

func (u *site) diagnoses(r *http.Request) (sheet, error) {
	v := diagnosesView{Families: families()}
	of := v.choose(r)
	var err error
	if v.Groups, err = u.explained(r.Context(), "*", of, v.All); err != nil {
		return sheet{}, err
	}
	for i := range v.Groups {
		v.Count += v.Groups[i].Count
	}
	return sheet{Title: "Diagnoses", View: v, Follow: u.Events, Names: u.EventNames}, nil
}

// choose reads the time range and which exchanges count, and makes the menus of both. By default it
// is live traffic of the last day.
func (v *diagnosesView) choose(r *http.Request) stretch {
	all := stretches()
	v.All = r.FormValue("of") == "all"
	at := max(1, slices.IndexFunc(all, func(each stretch) bool { return each.name == r.FormValue("range") }))
	if r.FormValue("range") == all[0].name {
		at = 0
	}
	v.Range = all[at].name
	source := map[bool]string{false: "live", true: "all"}
	for i, each := range all {
		v.Ranges = append(v.Ranges, choice{each.name, "range=" + each.name + "&of=" + source[v.All], i == at})
	}
	for _, of := range []choice{{"live traffic", "live", !v.All}, {"all", "all", v.All}} {
		v.Sources = append(v.Sources, choice{of.Name, "range=" + v.Range + "&of=" + of.Value, of.On})
	}
	return all[at]
}

// explained asks the store for the diagnoses that a pattern matches, those of most exchanges first.
func (u *site) explained(ctx context.Context, pattern string, of stretch, all bool) ([]explained, error) {
	s, err := u.kept()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	q := store.Query{Why: pattern, Since: now.Add(-of.all), Live: !all}
	found, err := s.Diagnoses(ctx, q)
	if err != nil {
		return nil, err
	}
	moments, err := s.Moments(ctx, q, of.step())
	if err != nil {
		return nil, err
	}
	words := []string{"since:" + of.all.String()}
	if !all {
		words = []string{usualFilter, words[0]}
	}
	groups := []explained{}
	for i := range found {
		d := &found[i]
		if pattern != "*" && d.ID != pattern { // a further diagnosis of the same exchange
			continue
		}
		at := slices.IndexFunc(groups, func(g explained) bool { return g.ID == d.ID })
		if at < 0 {
			at = len(groups)
			groups = append(groups, newExplained(d, words))
			groups[at].Trend = newTrend(moments, d.ID, of, now)
		}
		groups[at].add(d)
	}
	slices.SortStableFunc(groups, func(a, b explained) int { return int(b.Count - a.Count) })
	return groups, nil
}

func newExplained(d *store.Diagnosed, words []string) explained {
	g := explained{ID: d.ID, First: d.FirstSeen, Last: d.LastSeen, Filter: strings.Join(append(slices.Clone(words), filterTerm("why", d.ID)), " ")}
	if k := diagnose.Find(d.ID); k != nil {
		g.Family, g.Title = string(k.Family), k.Title
		usual := max(0, slices.IndexFunc(k.Causes, func(c diagnose.Cause) bool { return c.Mark == nil }))
		if g.More = len(k.Causes) - 1; g.More >= 0 {
			g.Cause = k.Causes[usual].Text
			if fix := k.Causes[usual].Fix; len(fix) > 0 {
				g.Fix = fix[0].String()
			}
		}
	} else { // of another release: the filter knows no such ID, and takes a pattern
		g.Filter = strings.Join(append(slices.Clone(words), filterTerm("why", d.ID+"*")), " ")
	}
	return g
}

// add adds the exchanges at an endpoint.
func (g *explained) add(d *store.Diagnosed) {
	g.Count += d.Count
	if d.FirstSeen.Before(g.First) {
		g.First = d.FirstSeen
	}
	if d.LastSeen.After(g.Last) {
		g.Last = d.LastSeen
	}
	filter := g.Filter
	if d.Endpoint != "" {
		filter += " " + filterTerm("path", d.Endpoint)
	}
	if d.Route != "" {
		filter += " " + filterTerm("route", d.Route)
	}
	g.Places = append(g.Places, explainedAt{d.Route, d.Endpoint, d.Count, d.FirstSeen, d.LastSeen, d.LastID, filter})
}

// filterTerm is a term of a filter that wants a value.
func filterTerm(key, value string) string {
	if strings.ContainsAny(value, " \t,\"\\") {
		value = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
	}
	return key + ":" + value
}

// families are those of the catalogue that have an entry.
func families() (all []familyView) {
	for _, f := range diagnose.Families() {
		is := familyView{Name: f}
		for _, k := range diagnose.All() {
			if k.Family == f {
				is.Kinds = append(is.Kinds, k)
			}
		}
		if len(is.Kinds) > 0 {
			all = append(all, is)
		}
	}
	return all
}
