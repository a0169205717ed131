package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// send runs probes against a target and judges every answer. taken gets each ruling once, one at a
// time.
func (s *site) send(ctx context.Context, target probe.Target, probes []*rules.Probe, taken func(*rules.Ruling)) (probe.Report, error) {
	p, f := s.run, s.run.Flags
	settings := probe.Settings{
		HTTP: s.version, Run: p.Run, Concurrency: f.Concurrency, Rate: f.Rate, Head: f.Timeout, Canary: f.Canary, Return: f.WaitBackend, ServerPID: f.ServerPID,
		UserAgent: audit.Agent + version.String(), Protocols: f.Protocols, Risky: f.Risky, UnsafeMethods: f.UnsafeMethods || f.SeedCompat,
		NewID: func(now time.Time) string { return ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String() },
	}
	if f.Exact || f.SeedCompat {
		settings.UserAgent = ""
	}
	a := server.NewAudit(p.Config, nil)
	if !f.SeedCompat {
		settings.Fails = server.Fails(&a.Options)
	}
	a.Each = func(r *rules.Ruling) {
		mine := *r
		mine.Run = p.Run
		taken(&mine)
	}
	observe := a.Observe
	if f.SeedCompat {
		observe = func(x *wire.Exchange) { a.Observe(byStatusAlone(x)) }
	}
	what := "probes"
	if n := len(p.sites); n > 1 {
		what = fmt.Sprintf("probes, endpoint %d of %d", slices.Index(p.sites, s)+1, n)
	}
	step, done := p.progress(what)
	defer done()
	return probe.Run(ctx, target, settings, probes, observe, func(now probe.Progress) {
		step(now.Done, now.Total)
		if s.met == nil {
			s.met = now.Controls
		}
		if now.Note != "" && !f.Quiet {
			p.Screen.Complain(now.Note)
		}
	})
}

// progress shows how many probes are done, on one line of a terminal.
func (p *Probing) progress(what string) (step func(n, total int), done func()) {
	if p.Flags.Quiet {
		return func(int, int) {}, func() {}
	}
	return p.Screen.Steps(what)
}

// tally counts the findings of a site for the exit status and the headline.
type tally struct {
	gated      int // findings that make the run fail
	verdicts   [rules.NotApplicable + 1]int
	conclusive int            // probes with a conclusive result
	failing    []*rules.Probe // probes that failed
	headline   headline
}

// counts reports whether the result of a probe can say that the endpoint is safe. What only a plain request in
// HTTP/2 is the control of says so only where there is no WebSocket to test.
func (s *site) counts(q *rules.Probe) bool {
	return q == nil || q.Control != rules.HTTP2Plain ||
		s.version == probe.HTTP2 && !slices.ContainsFunc(s.met, func(c probe.Control) bool { return c.Protocol == rules.HTTP2WebSocket })
}

// entered adds a ruling to the reports. The response to a request without an offer is not a result.
func (s *site) entered(r *rules.Ruling) {
	p := s.run
	if p.Flags.SeedCompat {
		r = alone(r)
	}
	if server.IsNoResult(r) {
		return
	}
	if p.Gate.Tells(r) && s.counts(rules.FindProbe(r.X.Probe)) {
		s.tally.conclusive++
	}
	r = p.Accepting.enter(r)
	for i := range r.Findings {
		if p.Gate.Holds(&r.Findings[i]) {
			s.tally.gated++
		}
	}
	s.tally.verdicts[r.Verdict]++
	s.tally.headline.enter(&p.Gate, r)
	p.kept.write(r)
	if r.Verdict == rules.Fail {
		i := slices.IndexFunc(p.Probes, func(q *rules.Probe) bool { return q.ID == r.X.Probe })
		if !slices.Contains(s.tally.failing, p.Probes[i]) { // it may be sent to several targets
			s.tally.failing = append(s.tally.failing, p.Probes[i])
		}
	}
	p.reports.Stream.Write(r)
	p.reports.Pass()
}
