package server

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/event"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/trace"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Culprit returns the probe that crashed the backend, or the most likely one, as the document of a
// run names it. It is empty if the backend is up.
func Culprit(was *probe.Report) string {
	if !was.Gone {
		return ""
	}
	name := ""
	if n := len(was.Crashes); n > 0 {
		last := &was.Crashes[n-1]
		if name = last.Culprit; name == "" && len(last.Candidates) > 0 {
			name = last.Candidates[0]
		}
	}
	return cmp.Or(name, "unknown")
}

// Fails reports whether an answer must be confirmed by a second probe. Faults in the form of a
// rejection need not be: they are reported once per endpoint.
func Fails(options *rules.Options) func(*wire.Exchange) bool {
	again := rules.History{First: func(string) bool { return false }}
	return func(x *wire.Exchange) bool {
		return rules.Classify(rules.Case{X: x, Options: options, Seen: again}).Verdict == rules.Fail
	}
}

// IsNoResult reports whether a ruling only says that a request without an offer was answered.
func IsNoResult(r *rules.Ruling) bool { return rules.IsPlain(r.X.Probe) && r.Verdict >= rules.Pass }

// DescribeRun describes an endpoint for the document of its run.
func DescribeRun(was *probe.Report, backend, target string) report.ProbeEndpoint {
	e := report.ProbeEndpoint{Backend: backend, Target: target, Degraded: was.Degraded, Suspects: was.Suspects, HTTP2: was.HTTP2, Gone: Culprit(was)}
	for _, c := range was.Crashes {
		e.Crashes = append(e.Crashes, report.ProbeCrash(c))
	}
	p := &was.Pace
	e.Pace = report.ProbePace{Others: p.Others, OthersTook: p.OthersTook.Milliseconds(), Crash: p.Crash, CrashTook: p.CrashTook.Milliseconds()}
	for _, r := range was.Residues {
		e.Residues = append(e.Residues, report.ProbeResidue{Probe: r.Probe, Before: report.ProbeUsage(r.Before), After: report.ProbeUsage(r.After)})
	}
	for _, c := range was.Controls {
		k := report.ProbeControl{Probe: c.Probe, Protocol: c.Protocol, Step: c.Step, Accepted: c.Accepted, Single: c.Single, Flaw: c.Flaw}
		if c.Exchange != nil && c.Exchange.Response != nil {
			k.Status = c.Exchange.Response.Status
		}
		e.Controls = append(e.Controls, k)
	}
	for _, n := range was.NotSent {
		e.NotSent = append(e.NotSent, report.ProbeNotSent{Probe: n.Probe, Reason: n.Reason})
	}
	return e
}

// Prober probes endpoints learned from live traffic, on request at the admin address.
type Prober struct {
	Audit   *audit.Audit
	Emit    func(event.Event) // gets the result of each run; may be nil
	kept    *storage          // nil: runs are not kept
	traces  *trace.Tracer     // nil: runs are not traced
	metrics *web.Metrics      // nil: runs are not counted
	within  atomic.Pointer[within]
}

// limits of probes
type within struct {
	config   config.Config
	backends []*proxy.Backend
}

// NewProber returns a prober that stores its runs, and their rulings through the writer of a.
func NewProber(a *audit.Audit, s *store.Store, w *store.Writer) *Prober {
	return &Prober{Audit: a, kept: &storage{store: s, writer: w}}
}

// Use sets the limits of probes from now on.
func (p *Prober) Use(c *config.Config, backends []*proxy.Backend) {
	p.within.Store(&within{*c, backends})
}

// Prepare implements web.Prober.
func (p *Prober) Prepare(a web.Ask) (web.Job, error) {
	l, err := p.learned(a)
	if err != nil {
		return nil, err
	}
	probes, err := probe.Select(rules.Probes(), a.Only, a.Skip)
	if err != nil {
		return nil, err
	}
	if a.Credentials = cmp.Or(a.Credentials, p.within.Load().config.Probes.Credentials); a.Credentials != config.CredentialsConfigured && a.Credentials != config.CredentialsRecorded {
		return nil, fmt.Errorf("credentials: %q is neither configured nor recorded", a.Credentials)
	}
	b := p.Backend(l)
	if b == nil {
		return nil, fmt.Errorf("the backend %s is not configured any more", l.Backend)
	}
	r := &LearnedRun{Prober: p, Ask: a, Learned: l, Probes: probes, Backend: b}
	if _, err := probe.ParseHTTP(a.HTTP); err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	switch v := r.speaks(); {
	case len(probe.Speaking(probes, v, b.TLS != nil)) > 0:
	case probes[0].HTTP2():
		return nil, errors.New("these probes are in HTTP/2, in which the endpoint is not probed: choose version 2 or both")
	default:
		return nil, errors.New("these probes are in HTTP/1.1: choose version 1.1 or both")
	}
	return r.Do, nil
}

// learned returns the requested handshake: WebSocket by default, and the most recently seen one.
func (p *Prober) learned(a web.Ask) (*audit.Learned, error) {
	var found *audit.Learned
	all := p.Audit.Learned()
	for i := range all {
		l := &all[i]
		if l.Endpoint != a.Endpoint || a.Route != "" && l.Route != a.Route || a.Host != "" && l.Host != a.Host || a.Protocol != "" && l.Protocol != a.Protocol {
			continue
		}
		if found == nil || found.Protocol != "websocket" && l.Protocol == "websocket" || found.Protocol == l.Protocol && l.Seen.After(found.Seen) {
			found = l
		}
	}
	if found != nil {
		return found, nil
	}
	var known []string
	for _, l := range all {
		if !slices.Contains(known, l.Endpoint) {
			known = append(known, l.Endpoint)
		}
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("no successful upgrade seen yet: connect a client to %s through Interlock first", a.Endpoint)
	}
	return nil, fmt.Errorf("no successful upgrade seen at %s, only at %s", a.Endpoint, strings.Join(known[:min(len(known), 10)], ", "))
}

// Backend returns the backend of the handshake. Probes go only to this backend.
func (p *Prober) Backend(l *audit.Learned) *proxy.Backend {
	for _, b := range p.within.Load().backends {
		if cmp.Or(b.Route, "default") == l.Route && slices.Contains(b.Addresses, l.Backend) {
			return b
		}
	}
	return nil
}

// LearnedRun is one run against a learned endpoint.
type LearnedRun struct {
	*Prober
	Ask     web.Ask
	Learned *audit.Learned
	Probes  []*rules.Probe
	Backend *proxy.Backend
}

// config returns the current configuration.
func (r *LearnedRun) config() *config.Config { return &r.within.Load().config }

// Do implements web.Job.
func (r *LearnedRun) Do(ctx context.Context, run string, told func(string, any)) (json.RawMessage, error) {
	began := time.Now()
	target, err := r.Target(ctx)
	if err != nil {
		r.ended(ctx, 0, err)
		return nil, err
	}
	var document bytes.Buffer
	about := &report.ProbeRun{Run: run, Time: began}
	stream := report.Stream{Writers: []report.Writer{report.NewProbeJSON(&document, about)}}
	if whose := r.whose(); whose != "" {
		told("note", map[string]string{"note": whose})
	}
	traced := r.traces.Begin(run, r.Learned.Protocol, r.Learned.Route, r.Learned.Endpoint, target.Address)
	was, err := probe.Run(ctx, target, r.Settings(run), r.Probes, func(x *wire.Exchange) {
		ruling := r.Audit.Enter(x, run)
		if !IsNoResult(ruling) {
			stream.Write(ruling)
			traced.Observe(ruling)
			told("ruling", ruling)
		}
	}, func(now probe.Progress) {
		told("progress", map[string]any{"done": now.Done, "total": now.Total, "probe": now.Probe, "note": now.Note})
	})
	about.Endpoints = []report.ProbeEndpoint{DescribeRun(&was, target.Address, r.shownTarget())}
	stream.Summary.NotSent, stream.Summary.Probed, stream.Summary.Gone = int64(len(was.NotSent)), true, was.Gone
	for _, failed := range stream.Close() {
		if err == nil {
			err = failed
		}
	}
	v := &stream.Summary.Verdicts
	traced.End(int64(was.Sent), int64(len(was.NotSent)), v[rules.Fail], err)
	r.ended(ctx, v[rules.Fail], err)
	if r.kept != nil {
		r.kept.writer.End(store.Run{
			ID: run, Command: "probe", Target: r.url(&target), Stopped: err != nil || was.Gone, Origin: string(wire.OriginProbe), Version: version.String(), Instance: r.Audit.Instance, Began: began, Ended: time.Now(),
			Labels:  r.labels(),
			Summary: map[string]int64{"fail": v[rules.Fail], "warn": v[rules.Warn], "unclear": v[rules.Unclear], "pass": v[rules.Pass], "not-applicable": v[rules.NotApplicable]},
		})
	}
	if r.Emit != nil {
		r.Emit(event.Event{Kind: event.ProbeRun, Probes: &event.Probes{
			Run: run, Endpoint: r.Ask.Endpoint, Route: r.Learned.Route, Backend: target.Address, Sent: was.Sent, NotSent: len(was.NotSent),
			Verdicts: *v, Degraded: was.Degraded, Gone: Culprit(&was), Took: time.Since(began),
		}})
	}
	return document.Bytes(), err
}

// url returns the URL of the endpoint at its backend, without secrets.
func (r *LearnedRun) url(t *probe.Target) string {
	scheme := "http://"
	if t.TLS != nil {
		scheme = "https://"
	}
	return scheme + t.Address + r.shownTarget()
}

// ended counts the run.
func (r *LearnedRun) ended(ctx context.Context, fails int64, err error) {
	if r.metrics != nil {
		r.metrics.EndRun(runResult(ctx, fails, err))
	}
}
