package probe

import (
	"context"
	"errors"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A job is a probe to be sent or already sent.
type job struct {
	probe *rules.Probe
	base  *based         // what it is sent on
	place int            // in the order of all probes
	alone bool           // no other job runs at the same time
	first *wire.Exchange // the failed result after which it is sent once more; nil the first time
	tries int            // failed connections

	resent bool           // it has been sent before
	death  *death         // the crash that it is a suspect of; nil: none
	was    *wire.Exchange // its result when the backend crashed; nil if it is not a suspect
	quiet  *job           // the job that got no answer among others and is sent again alone; nil the first time

	began, over time.Time // when it was sent, and when it had ended

	before       bool // the last control before it was accepted
	uncontrolled bool // no control speaks for it
	ended        int  // its number among all ended jobs, from 1
	outlived     bool // a control that began later was accepted
	bare         bool // the server closed without a byte
	x            *wire.Exchange
}

// rank orders jobs: those in HTTP/2 come after the others, so that results of one version are together.
func (j *job) rank() int {
	switch {
	case j.probe.Ends():
		return 3
	case j.alone:
		return 2
	case j.probe.HTTP2():
		return 1
	}
	return 0
}

// schedule runs as many jobs as allowed until none is left, or the run ends.
func (r *run) schedule(ctx context.Context) {
	for {
		if !r.stopping(ctx) {
			r.start(ctx)
		}
		if r.under == 0 {
			return
		}
		got := <-r.results
		r.under--
		if got.family != nil {
			if !r.stopping(ctx) {
				r.told(got.family, got.answer, got.waited)
			}
		} else {
			r.flying--
			delete(r.out, got.job)
			r.came(ctx, got.job, got.answer)
		}
	}
}

func (r *run) stopping(ctx context.Context) bool { return r.gone || ctx.Err() != nil }

// doubtful reports whether something has happened that no answered control has cleared up. Until
// then nothing is sent.
func (r *run) doubtful() bool { return r.doubts > r.cleared || r.down }

// start starts due jobs: controls first, then the next probes.
func (r *run) start(ctx context.Context) {
	if r.back && r.flying == 0 {
		r.inquire()
	}
	for _, f := range r.families {
		// Controls are not probes: if several jobs may run at a time, controls do not count towards
		// the limit.
		if !f.asked && r.wanted(f) && (r.under == 0 || r.limit > 1) {
			r.ask(ctx, f)
		}
	}
	for len(r.queue) > 0 && r.flying < r.limit && !r.doubtful() && !r.back {
		j := r.queue[0]
		if (j.alone || r.limit == 1) && r.under > 0 || j.alone && r.holding() {
			return
		}
		r.queue = r.queue[1:]
		if r.settled(j) {
			continue
		}
		r.launch(ctx, j)
		if j.alone {
			return
		}
	}
}

// holding reports whether a probe that has ended waits for a control.
func (r *run) holding() bool {
	for _, f := range r.families {
		if len(f.held)+len(f.covered) > 0 {
			return true
		}
	}
	return false
}

// launch sends a probe.
func (r *run) launch(ctx context.Context, j *job) {
	if r.keepPace(j); r.crashing {
		r.weigh(j)
	}
	f := r.speaker(j.probe)
	j.uncontrolled = f == nil
	j.before = f != nil && f.good
	j.began = time.Now()
	r.out[j] = true
	r.flying++
	r.under++
	patience := r.patience(j.probe, f)
	r.workers.Go(func() { r.results <- result{job: j, answer: r.sendProbe(ctx, j, patience)} })
}

// sendProbe sends a probe, after its twins.
func (r *run) sendProbe(ctx context.Context, j *job, patience time.Duration) answer {
	var twins []wire.Twin
	p := j.probe
	if len(p.Sizes) > 0 {
		a := r.measure(ctx, j, patience)
		if a.x != nil {
			a.x.Aim = j.base.aim
		}
		return a
	}
	for i := range p.Twins {
		base, err := r.baseOf(ctx, j.base)
		if err != nil {
			return answer{err: err}
		}
		if t := &p.Twins[i]; t.When == nil || t.When(base) {
			h := t.On(base)
			r.sign(h, p.ID)
			if x := r.attempt(ctx, p.ID, h, patience, true).x; x != nil {
				twins = append(twins, wire.Twin{Name: t.Name, X: x})
			}
		}
	}
	base, err := r.baseOf(ctx, j.base)
	if err != nil {
		return answer{err: err}
	}
	h := p.On(base)
	r.sign(h, p.ID)
	a := r.attempt(ctx, p.ID, h, patience, true)
	if a.x != nil {
		a.x.Twins, a.x.Aim = twins, j.base.aim
	}
	return a
}

// came records the result of a probe.
func (r *run) came(ctx context.Context, j *job, a answer) {
	if a.x == nil {
		r.unconnected(ctx, j, a.err)
		return
	}
	if !j.resent {
		r.report.Sent++
	}
	r.ended++
	j.x, j.bare, j.ended, j.over = a.x, a.bare, r.ended, time.Now()
	r.watch(j)
	if j.bare || j.alone || j.x.Outcome == wire.Switched && j.telling() {
		r.doubts++
	}
	r.hold(ctx, j)
}

// maxTries is how often a probe may find a backend that is just ending: several may do so in a run.
const maxTries = 5

// unconnected records that a probe could not connect. If the backend is up, the probe is sent
// again.
func (r *run) unconnected(ctx context.Context, j *job, err error) {
	r.down = r.down || refused(err)
	switch {
	case ctx.Err() != nil, r.gone:
		r.queue = append(r.queue, j) // end reports why it was not sent
	case errors.As(err, new(*suppliedError)):
		r.abandon(j, err.Error())
	case j.tries > 0 && !refused(err), j.tries == maxTries:
		r.abandon(j, "no connection: "+reason(err).Error())
	default:
		j.tries++
		r.doubts++
		r.queue = append([]*job{j}, r.queue...)
	}
}
