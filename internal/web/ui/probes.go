package ui

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// maxLearned is how many handshakes are offered.
const maxLearned = 200

// probesView is the data of the page of probes.
type probesView struct {
	Under     *Running       `json:"running,omitempty"`
	Learned   []learned      `json:"learned"`
	Runs      []runLine      `json:"runs"`
	Answers   []answer       `json:"answers"`
	Matrix    matrix         `json:"matrix"`
	Catalogue []*rules.Probe `json:"catalogue"`
	Failing   bool           `json:"-"`
	CanProbe  bool           `json:"-"`
	CanCancel bool           `json:"-"`
	Chosen    string         `json:"-"` // endpoint of the form
	Route     string         `json:"-"`
	Error     string         `json:"error,omitempty"`
}

// runLine is a run in a list, with how many of its results have each verdict.
type runLine struct {
	store.Run
	Sums map[string]int64 `json:"results"`
}

// learned is a handshake that an endpoint accepts.
type learned struct {
	Route       string   `json:"route"`
	Endpoint    string   `json:"endpoint"`
	Protocol    string   `json:"protocol"`
	HTTP        []string `json:"http"` // versions in which it was seen
	Subprotocol string   `json:"subprotocol"`
	Host        string   `json:"host"`
	Backend     string   `json:"backend"`
	Count       int64    `json:"count"`
	Control     *cell    `json:"control"` // the latest result of the control; nil: it was not sent
	Chosen      bool     `json:"-"`
}

// Key names the handshake in a form.
func (l learned) Key() string {
	return url.Values{"route": {l.Route}, "endpoint": {l.Endpoint}, "protocol": {l.Protocol}, "host": {l.Host}}.Encode()
}

func (u *site) probes(r *http.Request) (sheet, error) {
	v := probesView{
		Failing: r.FormValue("show") == "failing", Chosen: r.FormValue("endpoint"), Route: r.FormValue("route"),
		CanProbe: u.Probe != nil, CanCancel: u.Cancel != nil, Runs: []runLine{}, Catalogue: rules.Probes(),
	}
	out := sheet{Title: "Probes", Wide: true}
	var results []store.Result
	if s, err := u.kept(); err != nil {
		v.Error = err.Error()
	} else if results, err = v.list(r.Context(), u, s); err != nil {
		return sheet{}, err
	}
	v.Matrix, v.Answers = newMatrix(results, v.Failing), answers(results)
	v.learn(u, results)
	v.Under = u.under(func(run *Running) bool { return run.State == "running" })
	u.followRun(v.Under, &out)
	out.View = v
	return out, nil
}

// list puts the latest runs to the view, and returns the latest results of each endpoint.
func (v *probesView) list(ctx context.Context, u *site, s *store.Store) ([]store.Result, error) {
	runs, err := s.Runs(ctx)
	if err != nil {
		return nil, err
	}
	runs = slices.DeleteFunc(runs, func(run store.Run) bool { return run.Origin != "probe" })
	runs = runs[:min(len(runs), maxRuns)]
	sums, err := s.ResultCounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		v.Runs = append(v.Runs, runLine{run, sums[run.ID]})
	}
	return u.latest(ctx, runs)
}

// under is the latest run of this process that is wanted; nil if there is none.
func (u *site) under(wanted func(*Running) bool) *Running {
	if u.Running == nil {
		return nil
	}
	for _, run := range u.Running() {
		if wanted(&run) {
			return &run
		}
	}
	return nil
}

// followRun has the page be brought up to date while a run goes on.
func (u *site) followRun(run *Running, out *sheet) {
	if run != nil && run.State == "running" {
		out.Follow, out.Names = strings.ReplaceAll(u.Progress, "{run}", run.ID), u.ProgressNames
	}
}

// learn adds the endpoints that can be probed to the view, each with the result of its control.
func (v *probesView) learn(u *site, results []store.Result) {
	v.Learned = []learned{}
	if u.Audit == nil {
		return
	}
	for _, l := range u.Audit.Learned() {
		is := learned{
			Route: l.Route, Endpoint: l.Endpoint, Protocol: l.Protocol, HTTP: l.Versions(), Subprotocol: u.Audit.OptionsOf(l.Route).Redact.Subprotocol(l.Request, l.Subprotocol), Host: l.Host, Backend: l.Backend,
			Count: l.Count, Chosen: v.Chosen == l.Endpoint && (v.Route == "" || v.Route == l.Route),
		}
		for i := range results {
			r := &results[i]
			p := rules.FindProbe(r.Probe)
			if p != nil && p.IsControl() && r.Route == l.Route && r.Endpoint == l.Endpoint && controls(p, &l) {
				is.Control = cellOf(r)
			}
		}
		v.Learned = append(v.Learned, is)
		if len(v.Learned) == maxLearned {
			return
		}
	}
}

// controls reports whether the probe is the valid handshake of the protocol, in the version of HTTP in which it
// was seen, if that was one.
func controls(p *rules.Probe, l *audit.Learned) bool {
	switch p.ID {
	case "CTRL-WS":
		return l.Protocol == "websocket" && l.HTTP1
	case "CTRL-H2-WS":
		return l.Protocol == "websocket" && !l.HTTP1
	}
	return p.ID == "CTRL-H2C" && l.Protocol == "h2c"
}
