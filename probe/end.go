package probe

import (
	"cmp"
	"context"
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

// end brings the books to a close when nothing is under way any more: what still waits for a control is handed on, what is
// left in the queue is not sent.
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
	slices.SortStableFunc(r.notSent, func(a, b skipped) int { return a.place - b.place })
	for _, s := range r.notSent {
		r.report.NotSent = append(r.report.NotSent, s.NotSent)
	}
}

// blame names the probes behind which nothing answers any more: the first one that got not even a byte, and beside it all
// that ended since a control was answered. None of them is sent again.
func (r *run) blame(waiting []*job) {
	r.report.Degraded, r.report.Suspects = true, nil
	for _, j := range waiting {
		r.report.Suspects = append(r.report.Suspects, j.probe.ID)
		if j.bare && r.report.Gone == "" {
			r.report.Gone = j.probe.ID
		}
		j.x.Controls = wire.BackendGone
		if j.first != nil {
			j.x = j.first
		}
		r.deliver(j.x)
	}
	if r.report.Gone == "" && len(waiting) > 0 {
		r.report.Gone = waiting[0].probe.ID
	}
}
