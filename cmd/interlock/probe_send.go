package main

import (
	"context"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// send runs probes against a target and has every answer judged. Taken gets the rulings, one at a time, each exchange once.
func (p *probing) send(ctx context.Context, target probe.Target, probes []*rules.Probe, taken func(*rules.Ruling)) (probe.Report, error) {
	f := p.flags
	settings := probe.Settings{
		Run: p.run, Concurrency: f.concurrency, Rate: f.rate, Head: f.timeout,
		UserAgent: audit.Agent + version(), Protocols: f.protocols, Risky: f.risky, UnsafeMethods: f.unsafeMethods || f.seedCompat,
		NewID: func(now time.Time) string { return ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String() },
	}
	if f.exact || f.seedCompat {
		settings.UserAgent = ""
	}
	ledger := newAudit(p.config, zerolog.Nop())
	if !f.seedCompat {
		settings.Fails = fails(&ledger.Options)
	}
	ledger.Each = func(r *rules.Ruling) {
		mine := *r
		mine.Run = p.run
		taken(&mine)
	}
	observe := ledger.Observe
	if f.seedCompat {
		observe = func(x *wire.Exchange) { ledger.Observe(byStatusAlone(x)) }
	}
	step, done := p.screen.steps("probes")
	defer done()
	return probe.Run(ctx, target, settings, probes, observe, func(now probe.Progress) {
		step(now.Done, now.Total)
		if p.met == nil {
			p.met = now.Controls
		}
		if now.Note != "" {
			p.screen.complain(now.Note)
		}
	})
}

// fails tells whether an answer is one that a probe is sent again for. How the server words its refusals is not: that is
// reported once for the endpoint.
func fails(options *rules.Options) func(*wire.Exchange) bool {
	again := rules.History{First: func(string) bool { return false }}
	return func(x *wire.Exchange) bool {
		return rules.Classify(rules.Case{X: x, Options: options, Seen: again}).Verdict == rules.Fail
	}
}

// tally is what was found, as far as the exit status depends on it.
type tally struct {
	gated      int            // findings that make the run fail
	conclusive int            // probes that say something about the backend
	failing    []*rules.Probe // those that it failed
}

// isNoResult tells whether all that a ruling says is that there is an answer to a request that offers nothing.
func isNoResult(r *rules.Ruling) bool { return r.X.Probe == "CTRL-PLAIN" && r.Verdict >= rules.Pass }

// entered takes a ruling into the reports. That there is an answer to a request that offers nothing is no result.
func (p *probing) entered(r *rules.Ruling) {
	if p.flags.seedCompat {
		r = alone(r)
	}
	if isNoResult(r) {
		return
	}
	if p.gate.Tells(r) {
		p.tally.conclusive++
	}
	r = p.accepting.enter(r)
	for i := range r.Findings {
		if p.gate.Holds(&r.Findings[i]) {
			p.tally.gated++
		}
	}
	p.kept.write(r)
	if r.Verdict == rules.Fail {
		i := slices.IndexFunc(p.probes, func(q *rules.Probe) bool { return q.ID == r.X.Probe })
		p.tally.failing = append(p.tally.failing, p.probes[i])
	}
	p.reports.stream.Write(r)
}

// document fills in what the document of the run says beside the rulings.
func (p *probing) document(d *report.ProbeRun) {
	e := describeRun(&p.was, p.target.Address, p.config.ruleOptions().Redact.Target(p.place.target))
	e.Faults = p.faults
	d.Endpoints = []report.ProbeEndpoint{e}
	s := &p.reports.stream.Summary
	s.NotSent, s.Probed, s.Gone = int64(len(e.NotSent)), true, p.was.Gone
}

// describeRun is what a run has to say of the endpoint, for its document.
func describeRun(was *probe.Report, backend, target string) report.ProbeEndpoint {
	e := report.ProbeEndpoint{Backend: backend, Target: target, Degraded: was.Degraded, Suspects: was.Suspects, Gone: culprit(was)}
	for _, c := range was.Crashes {
		e.Crashes = append(e.Crashes, report.ProbeCrash(c))
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
