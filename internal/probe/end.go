package probe

import (
	"cmp"
	"context"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

// end finishes the run when nothing is running: it releases the probes that wait for a control;
// those in the queue are not sent.
func (r *run) end(ctx context.Context) {
	var waiting []*job
	for _, f := range r.families {
		waiting = append(append(waiting, f.covered...), f.held...)
		if f.accepted && !f.good {
			r.report.Degraded = true
			r.report.Suspects = append(r.report.Suspects, f.suspect...)
		}
	}
	slices.SortFunc(waiting, func(a, b *job) int { return cmp.Compare(a.ended, b.ended) })
	var blamed []*job
	for _, j := range waiting {
		if r.gone && !j.outlived {
			blamed = append(blamed, j)
			continue
		}
		r.release(j, wire.ControlsRefused, true)
	}
	if r.gone {
		r.blame(blamed)
	}
	why := "the backend is gone"
	if ctx.Err() != nil {
		why = "cancelled"
	}
	for _, j := range r.queue {
		r.abandon(j, why)
	}
	if r.gone {
		r.settleBlame()
	}
	slices.SortStableFunc(r.notSent, func(a, b skipped) int { return a.place - b.place })
	for _, s := range r.notSent {
		r.report.NotSent = append(r.report.NotSent, s.NotSent)
	}
}

// blame attributes a crash if the backend does not come back: to a probe that was alone, or to the
// one whose result looks like it. Nothing is sent again.
func (r *run) blame(waiting []*job) {
	r.report.Degraded, r.report.Gone, r.report.Suspects = true, true, nil
	candidates := likely(waiting)
	r.report.Suspects = ids(candidates)
	switch {
	case len(candidates) == 0:
	case len(candidates) > 1, !candidates[0].alone && !candidates[0].telling():
		r.accuse(waiting, false)
	default:
		for _, j := range waiting {
			if j != candidates[0] {
				r.excuse(j)
			}
		}
		r.convict(candidates[0], false)
	}
}

// settleBlame reports that the backend is gone if no running probe may have caused that: the
// candidates of an earlier crash, which should have been sent again, or none.
func (r *run) settleBlame() {
	i := slices.IndexFunc(r.report.Crashes, func(c Crash) bool { return !c.Back })
	if i < 0 {
		r.report.Crashes = append(r.report.Crashes, Crash{})
		return
	}
	if len(r.report.Suspects) == 0 {
		r.report.Suspects = r.report.Crashes[i].Candidates
	}
}

// excuse releases a probe that was running when another one ended the backend.
func (r *run) excuse(j *job) {
	j.x.Controls = wire.BackendGone
	if j.first != nil {
		j.x = j.first
	}
	r.finish(j, j.x)
}
