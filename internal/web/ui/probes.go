package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// maxLearned is how many handshakes are offered.
const maxLearned = 200

// probesView is the data of the page of probes.
type probesView struct {
	Run       string         `json:"run,omitempty"` // the only run that is shown
	Under     *Running       `json:"running,omitempty"`
	Learned   []learned      `json:"learned"`
	Runs      []store.Run    `json:"runs"`
	Matrix    matrix         `json:"matrix"`
	Catalogue []*rules.Probe `json:"catalogue"`
	Failing   bool           `json:"-"`
	CanProbe  bool           `json:"-"`
	CanCancel bool           `json:"-"`
	Chosen    string         `json:"-"` // endpoint of the form
	Route     string         `json:"-"`
	Error     string         `json:"error,omitempty"`
}

// learned is a handshake that an endpoint accepts.
type learned struct {
	Route       string `json:"route"`
	Endpoint    string `json:"endpoint"`
	Protocol    string `json:"protocol"`
	Subprotocol string `json:"subprotocol"`
	Host        string `json:"host"`
	Backend     string `json:"backend"`
	Count       int64  `json:"count"`
	Control     *cell  `json:"control"` // the latest result of the control; nil: it was not sent
	Chosen      bool   `json:"-"`
}

// Key names the handshake in a form.
func (l learned) Key() string {
	return url.Values{"route": {l.Route}, "endpoint": {l.Endpoint}, "protocol": {l.Protocol}, "host": {l.Host}}.Encode()
}

func (u *site) probes(r *http.Request) (sheet, error) {
	v := probesView{
		Run: r.FormValue("run"), Failing: r.FormValue("show") == "failing", Chosen: r.FormValue("endpoint"), Route: r.FormValue("route"),
		CanProbe: u.Probe != nil, CanCancel: u.Cancel != nil, Runs: []store.Run{}, Catalogue: rules.Probes(),
	}
	out := sheet{Title: "Probes", Wide: true}
	var results []store.Result
	if s, err := u.kept(); err != nil {
		v.Error = err.Error()
	} else {
		runs, err := s.Runs(r.Context())
		if err != nil {
			return sheet{}, err
		}
		v.Runs = slices.DeleteFunc(runs, func(run store.Run) bool { return run.Origin != "probe" })
		v.Runs = v.Runs[:min(len(v.Runs), maxRuns)]
		if v.Run != "" {
			results, err = s.Results(r.Context(), v.Run)
		} else {
			results, err = u.latest(r.Context(), v.Runs)
		}
		if err != nil {
			return sheet{}, err
		}
	}
	v.Matrix = newMatrix(results, v.Failing)
	v.learn(u, results)
	v.follow(u, &out)
	if v.Run != "" {
		out.Title = "Run " + v.Run
		if len(results) == 0 && v.Under == nil {
			return sheet{}, errMissing
		}
	}
	out.View = v
	return out, nil
}

// follow refreshes the page while a run that it shows is running.
func (v *probesView) follow(u *site, out *sheet) {
	if u.Running == nil {
		return
	}
	for _, run := range u.Running() {
		if v.Run != "" && run.ID != v.Run || v.Run == "" && run.State != "running" {
			continue
		}
		v.Under = &run
		if run.State == "running" {
			out.Follow, out.Names = strings.ReplaceAll(u.Progress, "{run}", run.ID), u.ProgressNames
		}
		return
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
			Route: l.Route, Endpoint: l.Endpoint, Protocol: l.Protocol, Subprotocol: u.Audit.OptionsOf(l.Route).Redact.Subprotocol(l.Request, l.Subprotocol), Host: l.Host, Backend: l.Backend,
			Count: l.Count, Chosen: v.Chosen == l.Endpoint && (v.Route == "" || v.Route == l.Route),
		}
		for i := range results {
			r := &results[i]
			p := rules.FindProbe(r.Probe)
			if p != nil && p.IsControl() && r.Route == l.Route && r.Endpoint == l.Endpoint && controls(p, l.Protocol) {
				is.Control = cellOf(r)
			}
		}
		v.Learned = append(v.Learned, is)
		if len(v.Learned) == maxLearned {
			return
		}
	}
}

// controls reports whether the probe is the valid handshake of that protocol.
func controls(p *rules.Probe, protocol string) bool {
	return p.ID == "CTRL-WS" && protocol == "websocket" || p.ID == "CTRL-H2C" && protocol == "h2c"
}
