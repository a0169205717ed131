package ui

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// runView is one run of probes.
type runView struct {
	Run       string     `json:"run"`
	Under     *Running   `json:"running,omitempty"` // it is one of this process
	Stored    *store.Run `json:"stored"`            // null until it has ended
	Answers   []answer   `json:"answers"`
	Causes    []reason   `json:"causes"`
	Matrix    matrix     `json:"matrix"`
	Failing   bool       `json:"-"`
	Formats   []string   `json:"-"`
	Options   []Setting  `json:"-"`
	At        string     `json:"-"` // what it was asked for, to ask for it again; empty: it was not asked for here
	CanCancel bool       `json:"-"`
}

// reason is a rule that probes failed.
type reason struct {
	Rule     string   `json:"rule"`
	Problem  string   `json:"problem"`
	Severity string   `json:"severity"`
	Exchange string   `json:"exchange"` // of one that shows it
	Endpoint string   `json:"endpoint"`
	Probes   []string `json:"probes"`
	rank     rules.Severity
}

// run shows a run.
func (u *site) run(r *http.Request) (sheet, error) {
	v := runView{Run: r.PathValue("run"), Failing: r.FormValue("show") == "failing", CanCancel: u.Cancel != nil, Formats: formats()}
	out := sheet{Title: "Run " + v.Run, Wide: true}
	s, err := u.kept()
	if err != nil {
		return sheet{}, err
	}
	results, err := s.Results(r.Context(), v.Run)
	if err != nil {
		return sheet{}, err
	}
	v.Under = u.under(func(run *Running) bool { return run.ID == v.Run })
	u.followRun(v.Under, &out)
	if err := v.read(r.Context(), s); err != nil {
		return sheet{}, err
	}
	if len(results) == 0 && v.Under == nil && v.Stored == nil {
		return sheet{}, errMissing
	}
	v.Matrix, v.Answers, v.Causes = newMatrix(results, v.Failing), answers(results), reasons(results)
	if v.Stored != nil && v.Stored.Command == "chain" {
		v.Answers = nil // of probes of a server
	}
	if u.Probe != nil {
		v.again()
	}
	out.View = v
	return out, nil
}

// read takes what the store has of the run beside its results, as soon as it has ended.
func (v *runView) read(ctx context.Context, s *store.Store) error {
	run, err := s.Run(ctx, v.Run)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v.Stored = &run
	add := func(key, value string) {
		if value != "" {
			v.Options = append(v.Options, Setting{Key: key, Value: value})
		}
	}
	add("command", run.Command)
	add("target", run.Target)
	if !run.Ended.IsZero() {
		add("took", printed.Took(run.Ended.Sub(run.Began)))
	}
	add("version", run.Version)
	add("instance", run.Instance)
	for _, key := range slices.Sorted(maps.Keys(run.Labels)) {
		add(key, run.Labels[key])
	}
	return nil
}

// again finds out whether the run can be asked for once more from the page.
func (v *runView) again() {
	if v.Stored == nil || v.Stored.Command != "probe" || v.Stored.Labels["route"] == "" {
		return
	}
	l := v.Stored.Labels
	v.At = url.Values{"route": {l["route"]}, "endpoint": {l["endpoint"]}, "protocol": {l["protocol"]}, "host": {l["host"]}}.Encode()
}

// reasons returns the rules that probes failed, the worst first, then those of most probes.
func reasons(results []store.Result) []reason {
	all := []reason{}
	for i := range results {
		r := &results[i]
		if r.Verdict != rules.Fail.String() {
			continue
		}
		j := slices.IndexFunc(all, func(is reason) bool { return is.Rule == r.Rule && is.Endpoint == r.Endpoint })
		if j < 0 {
			j = len(all)
			is := reason{Rule: r.Rule, Problem: problemOf(r.Rule, r.Detail), Severity: r.Severity, Exchange: r.Exchange, Endpoint: r.Endpoint}
			_ = is.rank.UnmarshalText([]byte(r.Severity)) // a word of a later release is taken for critical
			all = append(all, is)
		}
		all[j].Probes = append(all[j].Probes, r.Probe)
	}
	slices.SortStableFunc(all, func(a, b reason) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(len(b.Probes), len(a.Probes)), strings.Compare(a.Rule, b.Rule))
	})
	return all
}
