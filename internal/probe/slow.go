package probe

import (
	"context"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// How often a request is repeated that took long. A busy machine is slow now and then, a slow server
// each time, so the first quick answer ends the repetition.
const (
	repeatsSlow    = 8
	repeatsSilent  = 1 // there was no answer at all
	repeatsShorter = 4 // of a shorter value, to compare with
)

// A stopwatch measures how long a server takes to answer values of different lengths.
type stopwatch struct {
	*run
	job      *job
	patience time.Duration
	control  time.Duration // the shortest time of a valid handshake; 0: none was answered
	sizes    []wire.Twin   // what was sent, in ascending order, with the shortest times
	last     answer        // to the largest
	silent   bool          // it got none
}

// measure sends a probe with values of ascending length, up to the first one that takes long, and
// that one several times. Each time a valid handshake goes first. It returns the answer to the
// longest value.
func (r *run) measure(ctx context.Context, j *job, patience time.Duration) answer {
	w := &stopwatch{run: r, job: j, patience: patience}
	for _, size := range j.probe.Sizes {
		if !w.sample(ctx, size) {
			break
		}
		if w.slow() && w.again(ctx, size) {
			w.compare(ctx)
			break
		}
	}
	if w.last.x != nil && w.control > 0 && len(w.sizes) > 0 {
		w.last.x.Twins = rules.Timed(w.control, w.shorter(), &w.sizes[len(w.sizes)-1])
	}
	return w.last
}

// slow reports whether the longest value took long each time.
func (w *stopwatch) slow() bool {
	return rules.Slow(w.control, w.sizes[len(w.sizes)-1].Took)
}

// again repeats the longest value, and reports whether it took long each time. It is compared with
// the valid handshakes in between: the machine may be busier than before.
func (w *stopwatch) again(ctx context.Context, size int) bool {
	before, repeats := w.control, repeatsSlow
	if w.silent {
		repeats = repeatsSilent
	}
	w.control = 0
	for ; repeats > 0 && w.slow() && w.sample(ctx, size); repeats-- {
	}
	if w.control == 0 {
		w.control = before // nothing answers any more
	}
	return w.slow()
}

// shorter returns the longest value that is at most a third of the longest one; nil if there is
// none.
func (w *stopwatch) shorter() *wire.Twin {
	longest := w.sizes[len(w.sizes)-1].Size
	for i := len(w.sizes) - 2; i >= 0; i-- {
		if 3*w.sizes[i].Size <= longest {
			return &w.sizes[i]
		}
	}
	return nil
}

// compare measures the shorter value again, so that its time is as good as that of the longest.
func (w *stopwatch) compare(ctx context.Context) {
	s := w.shorter()
	if s == nil {
		return
	}
	for range repeatsShorter {
		if took, a := w.send(ctx, s.Size); a.x != nil && took > 0 {
			s.Took = min(s.Took, took)
		}
	}
}

// sample measures a valid handshake and a value of that size. It reports whether both were answered
// or, the latter, waited for in vain.
func (w *stopwatch) sample(ctx context.Context, size int) bool {
	f := w.speaker(w.job.probe)
	if f == nil {
		f = w.families[0]
	}
	c := w.sendControl(ctx, f, w.settings.Head, false)
	answered := c.x != nil && c.x.Response != nil
	if !answered && (w.last.x != nil || c.err != nil) {
		if w.last.x == nil {
			w.last.err = c.err
		}
		return false
	}
	if answered && (w.control == 0 || c.x.Took < w.control) {
		w.control = c.x.Took
	}
	took, a := w.send(ctx, size)
	if a.x == nil && w.last.x != nil {
		return false // it answered before: the control that follows shows whether it is gone
	}
	w.last, w.silent = a, a.x != nil && a.x.Outcome == wire.Silent
	if took == 0 || !answered {
		return false
	}
	if n := len(w.sizes); n == 0 || w.sizes[n-1].Size != size {
		w.sizes = append(w.sizes, wire.Twin{Size: size, Took: took})
	} else {
		w.sizes[n-1].Took = min(w.sizes[n-1].Took, took)
	}
	return true
}

// send sends a value of that size. The time is 0 if there was neither an answer nor silence.
func (w *stopwatch) send(ctx context.Context, size int) (time.Duration, answer) {
	base, err := w.baseOf(ctx, w.job.base)
	if err != nil {
		return 0, answer{err: err}
	}
	h := w.job.probe.OfSize(size, base)
	w.sign(h, w.job.probe.ID)
	a := w.attempt(ctx, w.job.probe.ID, h, w.patience, false)
	switch {
	case a.x == nil:
		return 0, a
	case a.x.Outcome == wire.Silent:
		return w.patience, a
	case a.x.Response == nil:
		return 0, a
	}
	return max(a.x.Took, 1), a
}
