package ui

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// compareView compares two runs, or two backends.
type compareView struct {
	A       string       `json:"a"`
	B       string       `json:"b"`
	Sides   []choice     `json:"-"`
	Changed []difference `json:"changed"`
	Same    int          `json:"same"`
	Alone   int          `json:"alone"` // probes that were sent on one side only
	Worse   int          `json:"worse"`
	Better  int          `json:"better"`
}

// difference is a probe that two sides have answered differently.
type difference struct {
	Probe    string `json:"probe"`
	Title    string `json:"title"`
	Endpoint string `json:"endpoint"` // empty where each side has one of its own
	A        *cell  `json:"a"`
	B        *cell  `json:"b"`
	Trend    string `json:"way"` // worse, better or other
}

func (u *site) compare(r *http.Request) (sheet, error) {
	v := compareView{A: r.FormValue("a"), B: r.FormValue("b"), Changed: []difference{}}
	s, err := u.kept()
	if err != nil {
		return sheet{}, err
	}
	runs, err := s.Runs(r.Context())
	if err != nil {
		return sheet{}, err
	}
	runs = slices.DeleteFunc(runs, func(run store.Run) bool { return run.Origin != "probe" || run.Empty() })
	latest, err := u.latest(r.Context(), runs)
	if err != nil {
		return sheet{}, err
	}
	v.Sides = sides(runs, latest)
	if v.A == "" && v.B == "" && len(runs) > 1 {
		v.A, v.B = "run:"+runs[1].ID, "run:"+runs[0].ID
	}
	if v.A != "" && v.B != "" {
		a, err := u.side(r.Context(), v.A, latest)
		if err != nil {
			return sheet{}, err
		}
		b, err := u.side(r.Context(), v.B, latest)
		if err != nil {
			return sheet{}, err
		}
		v.hold(a, b)
	}
	return sheet{Title: "Compare", View: v, Wide: true}, nil
}

// sides are the runs and backends that can be compared.
func sides(runs []store.Run, latest []store.Result) (all []choice) {
	for _, run := range runs[:min(len(runs), maxRuns)] {
		all = append(all, choice{Name: fmt.Sprintf("run of %s · %s %s", run.Began.Local().Format("Jan 2 15:04:05"), text(run.Labels["endpoint"]), text(run.Labels["backend"])), Value: "run:" + run.ID})
	}
	seen := map[string]bool{}
	for _, r := range latest {
		if !seen[r.Backend] {
			seen[r.Backend] = true
			all = append(all, choice{Name: "backend " + text(r.Backend), Value: "backend:" + r.Backend})
		}
	}
	return all
}

// side are the results of one side.
func (u *site) side(ctx context.Context, name string, latest []store.Result) ([]store.Result, error) {
	kind, of, _ := strings.Cut(name, ":")
	switch kind {
	case "run":
		return u.Store.Results(ctx, of)
	case "backend":
		return slices.DeleteFunc(slices.Clone(latest), func(r store.Result) bool { return r.Backend != of }), nil
	}
	return nil, errMissing
}

// hold compares two sides. Where each of them is about one endpoint, whatever these are, they are taken for the same.
func (v *compareView) hold(a, b []store.Result) {
	single := one(a) && one(b)
	type key struct{ probe, endpoint string }
	of := func(r *store.Result) key {
		if single {
			return key{probe: r.Probe}
		}
		return key{r.Probe, r.Endpoint}
	}
	cells := map[key]*difference{}
	var order []key
	enter := func(r *store.Result) *difference {
		k := of(r)
		if cells[k] == nil {
			cells[k] = &difference{Probe: k.probe, Endpoint: k.endpoint}
			if p := rules.FindProbe(k.probe); p != nil {
				cells[k].Title = p.Label
			}
			order = append(order, k)
		}
		return cells[k]
	}
	for i := range a {
		enter(&a[i]).A = cellOf(&a[i])
	}
	for i := range b {
		enter(&b[i]).B = cellOf(&b[i])
	}
	for _, k := range order {
		d := cells[k]
		if d.A == nil || d.B == nil {
			v.Alone++
			continue
		}
		if !d.judge() {
			v.Same++
			continue
		}
		switch d.Trend {
		case "worse":
			v.Worse++
		case "better":
			v.Better++
		}
		v.Changed = append(v.Changed, *d)
	}
	rank := map[string]int{"worse": 0, "better": 1, "other": 2}
	slices.SortStableFunc(v.Changed, func(a, b difference) int {
		return cmp.Or(cmp.Compare(rank[a.Trend], rank[b.Trend]), strings.Compare(a.Probe, b.Probe))
	})
}

// judge reports whether the two sides differ, and sets the trend.
func (d *difference) judge() bool {
	d.Trend = "other"
	if d.A.Mark == d.B.Mark && d.A.Sent == d.B.Sent {
		return d.A.Status != d.B.Status || d.A.Outcome != d.B.Outcome
	}
	if d.A.Sent && d.B.Sent && d.A.Mark.Verdict < rules.NotApplicable && d.B.Mark.Verdict < rules.NotApplicable {
		d.Trend = "better"
		if d.B.Mark.Verdict < d.A.Mark.Verdict {
			d.Trend = "worse"
		}
	}
	return true
}

// one reports whether results are all about one endpoint.
func one(all []store.Result) bool {
	for i := range all {
		if all[i].Endpoint != all[0].Endpoint || all[i].Backend != all[0].Backend {
			return false
		}
	}
	return len(all) > 0
}
