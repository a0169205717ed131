package run

import (
	"context"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// send runs probes against a target and has every answer judged. Taken gets the rulings, one at a time, each exchange once.
func (p *Probing) send(ctx context.Context, target probe.Target, probes []*rules.Probe, taken func(*rules.Ruling)) (probe.Report, error) {
	f := p.Flags
	settings := probe.Settings{
		Run: p.Run, Concurrency: f.Concurrency, Rate: f.Rate, Head: f.Timeout,
		UserAgent: audit.Agent + version.String(), Protocols: f.Protocols, Risky: f.Risky, UnsafeMethods: f.UnsafeMethods || f.SeedCompat,
		NewID: func(now time.Time) string { return ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String() },
	}
	if f.Exact || f.SeedCompat {
		settings.UserAgent = ""
	}
	ledger := server.NewAudit(p.Config, nil)
	if !f.SeedCompat {
		settings.Fails = server.Fails(&ledger.Options)
	}
	ledger.Each = func(r *rules.Ruling) {
		mine := *r
		mine.Run = p.Run
		taken(&mine)
	}
	observe := ledger.Observe
	if f.SeedCompat {
		observe = func(x *wire.Exchange) { ledger.Observe(byStatusAlone(x)) }
	}
	step, done := p.Screen.Steps("probes")
	defer done()
	return probe.Run(ctx, target, settings, probes, observe, func(now probe.Progress) {
		step(now.Done, now.Total)
		if p.met == nil {
			p.met = now.Controls
		}
		if now.Note != "" {
			p.Screen.Complain(now.Note)
		}
	})
}

// tally is what was found, as far as the exit status depends on it.
type tally struct {
	gated      int            // findings that make the run fail
	conclusive int            // probes that say something about the backend
	failing    []*rules.Probe // those that it failed
}

// entered takes a ruling into the reports. That there is an answer to a request that offers nothing is no result.
func (p *Probing) entered(r *rules.Ruling) {
	if p.Flags.SeedCompat {
		r = alone(r)
	}
	if server.IsNoResult(r) {
		return
	}
	if p.Gate.Tells(r) {
		p.tally.conclusive++
	}
	r = p.Accepting.enter(r)
	for i := range r.Findings {
		if p.Gate.Holds(&r.Findings[i]) {
			p.tally.gated++
		}
	}
	p.kept.write(r)
	if r.Verdict == rules.Fail {
		i := slices.IndexFunc(p.Probes, func(q *rules.Probe) bool { return q.ID == r.X.Probe })
		p.tally.failing = append(p.tally.failing, p.Probes[i])
	}
	p.reports.Stream.Write(r)
}

// document fills in what the document of the run says beside the rulings.
func (p *Probing) document(d *report.ProbeRun) {
	e := server.DescribeRun(&p.was, p.target.Address, p.Config.RuleOptions().Redact.Target(p.place.target))
	e.Faults = p.faults
	d.Endpoints = []report.ProbeEndpoint{e}
	s := &p.reports.Stream.Summary
	s.NotSent, s.Probed, s.Gone = int64(len(e.NotSent)), true, p.was.Gone
}
