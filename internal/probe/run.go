package probe

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A run sends the probes of one call of Run. One goroutine owns it.
type run struct {
	*caller
	form     rules.Edit // what the ladder made of the base
	families []*family  // those with a control
	alive    *family    // the one whose control shows whether anybody is there

	queue   []*job // what is to be sent, in this order
	flying  int    // jobs under way
	under   int    // those and controls
	ended   int    // jobs, to number them
	doubts  int    // how often something happened that makes one doubt whether anybody is there
	cleared int    // how many of those were dispelled
	gone    bool   // nobody is
	down    bool   // a connection was refused, and nothing has answered since
	back    bool   // something has again: what ended the backend is to be found out
	limit   int    // jobs under way at a time
	out     map[*job]bool
	load    load

	workers sync.WaitGroup
	results chan result // of what is under way; it has room for all of them, so that nobody waits

	turns       *turns
	total, done int
	notSent     []skipped
	report      Report
	observe     func(*wire.Exchange)
	progress    func(Progress)
}

// A result is what came of a job or of the control of a family.
type result struct {
	job    *job
	family *family
	answer answer
	waited time.Duration // of a control: for the head of the answer, at most
}

// A skipped probe is one that was not sent, and its place among those that were asked for.
type skipped struct {
	place int
	NotSent
}

// Run sends the probes to a target, each on a connection of its own, with controls before, between and behind them, and
// returns when the last one is answered or will not be. Observe gets the exchange of each probe that was sent, once, with
// Controls, Twin and Flaky set, and in the same order each time: that of the probes, those that can end servers last. The
// exchanges of the controls are in the report. Observe and progress are called by the goroutine
// that calls Run, one at a time; progress may be nil. The probes may have controls among them: they are sent as others are,
// CTRL-END last.
//
// A target that cannot be probed at all is a [TargetError]. If ctx ends the run does, and the error is that of ctx; the
// report then says what came of it until then. Nothing that Run started is alive when it returns.
func Run(ctx context.Context, t Target, s Settings, probes []*rules.Probe, observe func(*wire.Exchange), progress func(Progress)) (Report, error) {
	c, err := newCaller(ctx, t, s)
	if err != nil {
		return Report{}, err
	}
	r := &run{caller: c, observe: observe, progress: progress, total: len(probes)}
	if progress == nil {
		r.progress = func(Progress) {}
	}
	// Each of these has one result under way: a probe, or the control of one of the three families.
	r.limit, r.out = r.settings.Concurrency, map[*job]bool{}
	r.results = make(chan result, r.settings.Concurrency+3)
	switch err = r.climb(ctx, r.wantsH2C(probes)); {
	case err == nil:
		r.enqueue(probes)
		r.schedule(ctx)
		r.workers.Wait()
		r.end(ctx)
		err = ctx.Err()
	case ctx.Err() != nil:
		r.enqueue(probes)
		r.end(ctx)
	}
	r.report.Controls = r.controls()
	return r.report, err
}

// controls are those that were sent.
func (r *run) controls() (sent []Control) {
	for _, f := range r.families {
		if f.control.Exchange != nil {
			sent = append(sent, f.control)
		}
	}
	return sent
}

// wantsH2C reports whether a control of h2c is of any use.
func (r *run) wantsH2C(probes []*rules.Probe) bool {
	return (r.settings.Protocols == nil || slices.Contains(r.settings.Protocols, "h2c")) &&
		slices.ContainsFunc(probes, func(p *rules.Probe) bool { return p.Control == "h2c" })
}

// enqueue sorts out which probes are sent, and when: those that can end servers behind all others, CTRL-END last of all.
func (r *run) enqueue(probes []*rules.Probe) {
	switches := slices.ContainsFunc(r.families, func(f *family) bool { return f.accepted })
	for i, p := range probes {
		if why := r.unsent(p, switches); why != "" {
			r.skip(&job{probe: p, place: i}, why)
			continue
		}
		r.queue = append(r.queue, &job{probe: p, place: i, alone: p.Risk == rules.Crash || p.ID == "CTRL-END"})
	}
	slices.SortStableFunc(r.queue, func(a, b *job) int { return a.rank() - b.rank() })
	r.turns = newTurns(r.queue)
	r.total = len(r.queue)
	r.say(Progress{Controls: r.controls()})
}

// say tells the caller how the run goes.
func (r *run) say(p Progress) {
	p.Done, p.Total = r.done, r.total
	r.progress(p)
}

// skip records that a probe is not sent.
func (r *run) skip(j *job, why string) {
	r.notSent = append(r.notSent, skipped{j.place, NotSent{j.probe, why}})
}
