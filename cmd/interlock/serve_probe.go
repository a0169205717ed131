package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/trace"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// prober probes the endpoints that live traffic has shown, for whoever asks at the admin address.
type prober struct {
	ledger  *audit.Audit
	log     zerolog.Logger
	kept    *keeping      // nil: runs are not kept
	traces  *trace.Tracer // nil: runs are not traced
	metrics *web.Metrics  // nil: runs are not counted
	within  atomic.Pointer[within]
}

// within is what probes may do, and where.
type within struct {
	config   config
	backends []*proxy.Backend
}

// use says what probes may do from here on.
func (p *prober) use(c *config, backends []*proxy.Backend) { p.within.Store(&within{*c, backends}) }

// Prepare is part of web.Prober.
func (p *prober) Prepare(a web.Ask) (web.Job, error) {
	l, err := p.learned(a)
	if err != nil {
		return nil, err
	}
	probes, err := selectProbes(rules.Probes(), a.Only, a.Skip)
	if err != nil {
		return nil, err
	}
	if a.Credentials = cmp.Or(a.Credentials, p.within.Load().config.Probes.Credentials); a.Credentials != credentialsConfigured && a.Credentials != credentialsRecorded {
		return nil, fmt.Errorf("credentials: %q is neither configured nor recorded", a.Credentials)
	}
	b := p.backend(l)
	if b == nil {
		return nil, fmt.Errorf("the backend %s is not configured any more", l.Backend)
	}
	r := &learnedRun{prober: p, ask: a, learned: l, probes: probes, backend: b}
	return r.do, nil
}

// learned finds the handshake that is asked for: WebSocket if nothing is said, and the one that was seen last.
func (p *prober) learned(a web.Ask) (*audit.Learned, error) {
	var found *audit.Learned
	all := p.ledger.Learned()
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
		return nil, fmt.Errorf("no sound switch was seen yet: let a client connect to %s first", a.Endpoint)
	}
	return nil, fmt.Errorf("no sound switch was seen at %s; there were some at %s", a.Endpoint, strings.Join(known[:min(len(known), 10)], ", "))
}

// backend is the one that the handshake was seen on: probes go nowhere else.
func (p *prober) backend(l *audit.Learned) *proxy.Backend {
	for _, b := range p.within.Load().backends {
		if cmp.Or(b.Route, "default") == l.Route && slices.Contains(b.Addresses, l.Backend) {
			return b
		}
	}
	return nil
}

// learnedRun is one run against an endpoint that was learned.
type learnedRun struct {
	*prober
	ask     web.Ask
	learned *audit.Learned
	probes  []*rules.Probe
	backend *proxy.Backend
}

// config is the configuration as it is now.
func (r *learnedRun) config() *config { return &r.within.Load().config }

// do is a web.Job.
func (r *learnedRun) do(ctx context.Context, run string, told func(string, any)) (json.RawMessage, error) {
	began := time.Now()
	target, err := r.target(ctx)
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
	traced := r.traces.Begin(run, r.learned.Protocol, r.learned.Route, r.learned.Endpoint, target.Address)
	was, err := probe.Run(ctx, target, r.settings(run), r.probes, func(x *wire.Exchange) {
		ruling := r.ledger.Enter(x, run)
		if !isNoResult(ruling) {
			stream.Write(ruling)
			traced.Observe(ruling)
			told("ruling", ruling)
		}
	}, func(now probe.Progress) {
		told("progress", map[string]any{"done": now.Done, "total": now.Total, "probe": now.Probe, "note": now.Note})
	})
	about.Endpoints = []report.ProbeEndpoint{describeRun(&was, target.Address, r.shownTarget())}
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
			ID: run, Command: "probe", Origin: string(wire.OriginProbe), Version: version(), Instance: r.ledger.Instance, Began: began, Ended: time.Now(),
			Labels:  map[string]string{"endpoint": r.ask.Endpoint, "route": r.learned.Route},
			Summary: map[string]int64{"fail": v[rules.Fail], "warn": v[rules.Warn], "unclear": v[rules.Unclear], "pass": v[rules.Pass], "not-applicable": v[rules.NotApplicable]},
		})
	}
	r.log.Info().Str("run", run).Str("endpoint", r.ask.Endpoint).Str("route", r.learned.Route).Str("backend", target.Address).
		Int("sent", was.Sent).Int("notSent", len(was.NotSent)).Int64("fail", v[rules.Fail]).Int64("warn", v[rules.Warn]).Int64("unclear", v[rules.Unclear]).
		Int64("pass", v[rules.Pass]).Int64("na", v[rules.NotApplicable]).Bool("degraded", was.Degraded).Str("gone", culprit(&was)).
		Float64("seconds", time.Since(began).Seconds()).Msg("probe run finished")
	return document.Bytes(), err
}

// ended counts the run.
func (r *learnedRun) ended(ctx context.Context, fails int64, err error) {
	if r.metrics != nil {
		r.metrics.EndRun(resultOf(ctx, fails, err))
	}
}

// target is where the probes go, with the handshake that was learned as their base.
func (r *learnedRun) target(ctx context.Context) (probe.Target, error) {
	t := probe.Target{Address: r.learned.Backend, Route: r.learned.Route}
	scheme := "http"
	if r.backend.TLS != nil {
		scheme, t.TLS = "https", r.backend.TLS.Clone()
		if host, _, err := net.SplitHostPort(t.Address); err == nil && t.TLS.ServerName == "" {
			t.TLS.ServerName = host
		}
	}
	recorded := r.ask.Credentials == credentialsRecorded
	t.Base = rules.Learn(r.learned.Request, scheme, "AAAAAAAAAAAAAAAAAAAAAA==", recorded, r.redaction())
	if r.backend.Host != "" {
		rules.Set("Host", r.backend.Host)(t.Base)
		t.Base.Host = r.backend.Host
	}
	if recorded {
		return t, nil
	}
	identity, err := identityFields(ctx, &r.config().Probes.Identity, &bytes.Buffer{})
	if err != nil {
		return t, err
	}
	setFields(t.Base, identity)
	return t, nil
}

// whose says whose credentials the probes carry, if they are somebody's.
func (r *learnedRun) whose() string {
	q := r.learned.Request
	if r.ask.Credentials != credentialsRecorded || !q.Has("Cookie") && !q.Has("Authorization") && !q.Has("Sec-WebSocket-Protocol") {
		return ""
	}
	host, _, _ := net.SplitHostPort(r.learned.Client)
	return fmt.Sprintf("credentials recorded %s from %s", r.learned.Seen.Local().Format("15:04"), host)
}

// redaction is what is secret on the route of the endpoint.
func (r *learnedRun) redaction() rules.Redaction { return r.ledger.OptionsOf(r.learned.Route).Redact }

func (r *learnedRun) shownTarget() string {
	return r.redaction().Target(r.learned.Request.Target)
}

func (r *learnedRun) settings(run string) probe.Settings {
	options := r.ledger.OptionsOf(r.learned.Route)
	return probe.Settings{
		Run: run, UserAgent: audit.Agent + version(), Risky: r.ask.Risky, UnsafeMethods: r.ask.UnsafeMethods,
		NewID: func(now time.Time) string { return ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String() },
		Fails: fails(options),
	}
}
