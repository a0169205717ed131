package report

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A ProbeRun is the data of a run of probes beside its rulings. The caller fills it in before it
// closes the report.
type ProbeRun struct {
	Run       string
	Time      time.Time // when it began
	Command   string    // that made the run, without secrets; empty: unknown
	Version   string    // of the program; empty: unknown
	Endpoints []ProbeEndpoint
}

// A ProbeEndpoint is an endpoint that was probed.
type ProbeEndpoint struct {
	URL      string // as it was given and may be shown; empty: not known
	Backend  string // host and port, or unix: and the path of a socket
	Target   string // as it may be shown
	Route    string // empty: any
	Degraded bool   // at the end it rejected a handshake that it had accepted at the beginning
	Suspects []string
	HTTP2    string // why probes in HTTP/2 were not sent, or not all; empty: that is not so
	Gone     string // ID of the probe after which nothing answered any more, or of the likeliest one; "unknown" if none was under way
	Crashes  []ProbeCrash
	Controls []ProbeControl
	NotSent  []ProbeNotSent
	Pace     ProbePace
	Residues []ProbeResidue
	Faults   map[string]string // whose fault a failure is, where that was looked into; by ID of the probe
}

// A ProbeControl is a valid handshake and its result.
type ProbeControl struct {
	Probe    string `json:"probe"`
	Protocol string `json:"protocol"`
	Step     string `json:"step,omitempty"` // what it has beside the plain handshake
	Status   int    `json:"status"`         // 0 if there was no response head
	Accepted bool   `json:"accepted"`
	Single   bool   `json:"single,omitempty"` // handshakes cannot be used twice
	Flaw     string `json:"flaw,omitempty"`   // why no client would take its 101 for an acceptance
}

// A ProbeCrash is an end of the backend.
type ProbeCrash struct {
	Culprit    string   `json:"culprit,omitempty"` // ID of the probe that ended it; empty: not known
	Candidates []string `json:"candidates"`        // IDs of those that may have ended it, the likeliest first
	Back       bool     `json:"back"`              // it answered again
}

// A ProbePace is how long the probes took: those that can crash servers, which are sent last and one
// at a time, and all others.
type ProbePace struct {
	Others     int   `json:"others"`
	OthersTook int64 `json:"others_ms"`
	Crash      int   `json:"crash"`
	CrashTook  int64 `json:"crash_ms"`
}

// A ProbeResidue is what the server had in use before and after a probe that can crash servers.
type ProbeResidue struct {
	Probe  string     `json:"probe"`
	Before ProbeUsage `json:"before"`
	After  ProbeUsage `json:"after"`
}

// A ProbeUsage is what a process has in use.
type ProbeUsage struct {
	Descriptors int   `json:"descriptors"`
	Threads     int   `json:"threads"`
	Memory      int64 `json:"memory"` // resident bytes
}

// A ProbeNotSent is a probe that was not sent.
type ProbeNotSent struct {
	Probe  *rules.Probe
	Reason string
}

// NewProbeJSON begins the document of a run of probes. The caller closes w afterwards.
func NewProbeJSON(w io.Writer, run *ProbeRun) Writer { return &probeWriter{w: w, run: run} }

// probeWriter keeps the rulings of the probes until all is known.
type probeWriter struct {
	w       io.Writer
	run     *ProbeRun
	rulings []*rules.Ruling
}

// Write is part of Writer.
func (p *probeWriter) Write(r *rules.Ruling) error {
	if rules.FindProbe(r.X.Probe) != nil {
		p.rulings = append(p.rulings, r)
	}
	return nil
}

// probeDocument is a run of probes as the contracts have it, version 1.
type probeDocument struct {
	Schema    int              `json:"schema"`
	Run       string           `json:"run"`
	Time      string           `json:"time"`
	Command   string           `json:"command,omitempty"`
	Version   string           `json:"version,omitempty"`
	Summary   map[string]int64 `json:"summary"`
	Endpoints []endpointJSON   `json:"endpoints"`
}

type endpointJSON struct {
	URL      string         `json:"url,omitempty"`
	Backend  string         `json:"backend"`
	Target   string         `json:"target"`
	Degraded bool           `json:"degraded"`
	Suspects []string       `json:"suspects,omitempty"`
	HTTP2    string         `json:"http2,omitempty"`
	Gone     string         `json:"gone,omitempty"`
	Crashes  []ProbeCrash   `json:"crashes,omitempty"`
	Pace     *ProbePace     `json:"pace,omitempty"`
	Residues []ProbeResidue `json:"residues,omitempty"`
	Controls []ProbeControl `json:"controls"`
	Results  []resultJSON   `json:"results"`
}

type resultJSON struct {
	Probe    string          `json:"probe"`
	Rule     string          `json:"rule"`
	Expected rules.Class     `json:"expected"`
	Status   int             `json:"status"`
	Outcome  wire.Outcome    `json:"outcome"`
	Verdict  string          `json:"verdict"`
	Severity string          `json:"severity"`
	Detail   string          `json:"detail"`
	Reason   string          `json:"reason,omitempty"` // why it was not sent, or its frames were not
	Fault    string          `json:"fault,omitempty"`  // whose fault it is, where that was looked into
	Ruling   json.RawMessage `json:"ruling"`           // null where it was not sent
}

// Close is part of Writer.
func (p *probeWriter) Close(s *Summary) error {
	probed := *s
	probed.Probed = true
	d := probeDocument{
		Schema: 1, Run: p.run.Run, Time: p.run.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Summary: map[string]int64{},
		Command: printed.ASCII(p.run.Command), Version: printed.ASCII(p.run.Version),
		Endpoints: make([]endpointJSON, 0, len(p.run.Endpoints)),
	}
	for _, c := range counts(&probed) {
		d.Summary[c.Name] = c.Count
	}
	for i := range p.run.Endpoints {
		e := &p.run.Endpoints[i]
		results, err := p.results(i)
		if err != nil {
			return err
		}
		var pace *ProbePace
		if e.Pace != (ProbePace{}) {
			pace = &e.Pace
		}
		d.Endpoints = append(d.Endpoints, endpointJSON{
			Pace: pace, Residues: e.Residues, HTTP2: printed.ASCII(e.HTTP2),
			URL: e.URL, Backend: e.Backend, Target: e.Target, Degraded: e.Degraded, Suspects: e.Suspects, Gone: e.Gone, Crashes: e.Crashes,
			Controls: append([]ProbeControl{}, e.Controls...), Results: results,
		})
	}
	return Document(p.w, d)
}

// results are those of one endpoint, by ID.
func (p *probeWriter) results(i int) ([]resultJSON, error) {
	e := &p.run.Endpoints[i]
	all := make([]resultJSON, 0, len(p.rulings)+len(e.NotSent))
	for _, r := range p.rulings {
		if p.endpoint(r) != i {
			continue
		}
		one, err := result(r)
		if err != nil {
			return nil, err
		}
		one.Fault = e.Faults[one.Probe]
		all = append(all, one)
	}
	for _, n := range e.NotSent {
		all = append(all, resultJSON{
			Probe: n.Probe.ID, Rule: n.Probe.Rule().ID, Expected: n.Probe.Class, Verdict: "not-sent", Reason: n.Reason,
			Ruling: json.RawMessage("null"),
		})
	}
	slices.SortStableFunc(all, func(a, b resultJSON) int { return strings.Compare(a.Probe, b.Probe) })
	return all, nil
}

// endpoint is the place of the endpoint that a ruling is about. A ruling that is about none of them
// belongs to the first.
func (p *probeWriter) endpoint(r *rules.Ruling) int {
	i := slices.IndexFunc(p.run.Endpoints, func(e ProbeEndpoint) bool {
		return e.Backend == r.X.Backend && (e.Route == "" || e.Route == r.X.Route) && rules.Template(e.Target) == r.Endpoint
	})
	return max(i, 0)
}

// result returns the result of a probe: the ruling's verdict, and the rule, severity and text of
// its worst finding. Without a finding, the rule is the probe's own.
func result(r *rules.Ruling) (resultJSON, error) {
	p := rules.FindProbe(r.X.Probe)
	b, err := Element(r)
	one := resultJSON{
		Probe: p.ID, Rule: p.Rule().ID, Expected: p.Class, Outcome: r.X.Outcome, Verdict: r.Verdict.String(), Reason: r.Unsent(), Ruling: b,
	}
	if r.X.Response != nil {
		one.Status = r.X.Response.Status
	}
	if f := r.Worst(); f != nil {
		one.Rule, one.Severity, one.Detail = f.Rule.ID, f.Severity.String(), f.Detail
	}
	return one, err
}
