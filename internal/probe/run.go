package probe

import (
	"cmp"
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
	form     rules.Edit // the form that the server accepted
	families []*family  // those with a control
	spoken   bool       // the server speaks HTTP/2
	offered  bool       // and offers extended CONNECT in it
	alive    *family    // the one whose control shows liveness

	queue   []*job // jobs to start, in this order
	flying  int    // running jobs
	under   int    // running jobs and controls
	ended   int    // number of jobs that have ended
	doubts  int    // how often since the last control the server may have crashed
	cleared int    // how many of those doubts were cleared up
	gone    bool   // the server is gone
	down    bool   // a connection was refused, and nothing has been answered since
	back    bool   // the server answers again, and the culprit is being looked for
	limit   int    // the maximum number of concurrent jobs
	out     map[*job]bool
	load    load

	workers sync.WaitGroup
	results chan result // results of running jobs; its capacity is large enough that no sender blocks

	weighing *Residue  // of the crash probe that was sent last
	since    time.Time // see keepPace
	crashing bool      // the probe that was sent last can crash servers

	turns       *turns
	total, done int
	notSent     []skipped
	report      Report
	observe     func(*wire.Exchange)
	progress    func(Progress)
}

// A result is the result of a job or of the control of a family.
type result struct {
	job    *job
	family *family
	answer answer
	waited time.Duration // of a control: how long it waited for the head at most
}

// A skipped probe was not sent; it has its place in the order of all.
type skipped struct {
	place int
	NotSent
}

// Run sends the probes to a target, each on a connection of its own, with controls before, between
// and after them. It returns when the last one is answered or given up. Observe gets the exchange of
// each sent probe once, with Controls, Twins and Flaky set, in a fixed order: that of the probes,
// those that may crash servers last. The exchanges of the controls are in the report. Observe and
// progress are called by the goroutine that calls Run, one at a time; progress may be nil. The
// probes may include controls: they are sent as probes, CTRL-END last. Probes that need something
// the target lacks are left out: see Possible.
//
// A target that cannot be probed at all is a [TargetError]. If ctx ends, Run returns its error, with
// a report of everything until then. When Run returns, everything that it started has ended.
func Run(ctx context.Context, t Target, s Settings, probes []*rules.Probe, observe func(*wire.Exchange), progress func(Progress)) (Report, error) {
	c, err := newCaller(ctx, t, s)
	if err != nil {
		return Report{}, err
	}
	probes = Speaking(probes, s.HTTP, t.TLS != nil)
	r := &run{caller: c, form: rules.Edits(), observe: observe, progress: progress, total: len(Possible(probes, len(t.Identities)))}
	if progress == nil {
		r.progress = func(Progress) {}
	}
	if c.settings.Canary != "" && slices.ContainsFunc(probes, func(p *rules.Probe) bool { return p.On(t.Base).Lures() }) {
		if c.lure, err = newLure(ctx, c.settings.Canary); err != nil {
			return Report{}, &CanaryError{err}
		}
		defer c.lure.close()
	}
	// The most running results: a probe, or the control of one of the five families.
	r.limit, r.out = r.settings.Concurrency, map[*job]bool{}
	r.results = make(chan result, r.settings.Concurrency+5)
	switch err = r.ascend(ctx, probes); {
	case err == nil:
		switch v := r.settings.HTTP; {
		case v == Chosen && !r.offered:
			probes = Speaking(probes, HTTP1, t.TLS != nil)
		case v == HTTP2:
			probes = Speaking(probes, HTTP2, t.TLS != nil)
		}
		r.enqueue(probes)
		r.since = time.Now()
		r.schedule(ctx)
		r.workers.Wait()
		r.weigh(nil)
		r.keepPace(nil)
		r.end(ctx)
		err = ctx.Err()
	case ctx.Err() != nil:
		r.enqueue(probes)
		r.end(ctx)
	}
	r.report.Controls = r.controls()
	return r.report, err
}

// A CanaryError means that Run cannot listen at [Settings.Canary].
type CanaryError struct{ err error }

// Error says where and why.
func (e *CanaryError) Error() string { return "--canary: " + e.err.Error() }

// Unwrap returns why.
func (e *CanaryError) Unwrap() error { return e.err }

// controls returns the controls that were sent.
func (r *run) controls() (sent []Control) {
	for _, f := range r.families {
		if f.control.Exchange != nil {
			sent = append(sent, f.control)
		}
	}
	return sent
}

// ascend sends the controls before the first probe, in the versions of HTTP that are spoken.
func (r *run) ascend(ctx context.Context, probes []*rules.Probe) error {
	if r.settings.HTTP != HTTP2 {
		if err := r.climb(ctx, r.wantsH2C(probes)); err != nil && !r.withoutHTTP1(err) {
			return err
		}
	}
	if slices.ContainsFunc(probes, (*rules.Probe).HTTP2) {
		return r.climb2(ctx)
	}
	return nil
}

// wantsH2C reports whether any probe needs a control for h2c.
func (r *run) wantsH2C(probes []*rules.Probe) bool {
	return (r.settings.Protocols == nil || slices.Contains(r.settings.Protocols, "h2c")) &&
		slices.ContainsFunc(probes, func(p *rules.Probe) bool { return p.Control == "h2c" })
}

// enqueue decides which probes are sent, and in which order: those that may crash servers after all
// others, CTRL-END last.
func (r *run) enqueue(probes []*rules.Probe) {
	switches := slices.ContainsFunc(r.families, func(f *family) bool { return f.accepted })
	for i, p := range probes {
		if why := cmp.Or(r.unsent(p, switches), r.unspoken(p)); why != "" {
			r.skip(&job{probe: p, place: i}, why)
			continue
		}
		for _, base := range r.basesOf(p) {
			r.queue = append(r.queue, &job{probe: p, base: base, place: i, alone: p.Risk == rules.Crash || p.Ends()})
		}
	}
	slices.SortStableFunc(r.queue, func(a, b *job) int { return a.rank() - b.rank() })
	r.turns = newTurns(r.queue)
	r.total = len(r.queue)
	r.say(Progress{Controls: r.controls()})
}

// say reports progress to the caller.
func (r *run) say(p Progress) {
	p.Done, p.Total = r.done, r.total
	r.progress(p)
}

// skip records that a probe is not sent.
func (r *run) skip(j *job, why string) {
	r.notSent = append(r.notSent, skipped{j.place, NotSent{j.probe, why}})
}
