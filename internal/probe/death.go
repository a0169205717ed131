package probe

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/errno"
	"github.com/interlock-proxy/interlock/wire"
)

// A death is a crash of the backend that several probes may have caused. Each of them is sent again
// alone. Their results are released after the last one.
type death struct {
	candidates []string // IDs, the likeliest first
	culprit    bool     // one of them ended the backend again, alone
	open       int      // candidates that are not done
	done       []*wire.Exchange
}

// refused reports whether a dial error means that the server does not listen. A timeout does not.
func refused(err error) bool {
	return errors.Is(err, errno.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist)
}

// inquire looks for the culprit of a crash, after the backend is back and nothing is running. A
// probe that was alone is the culprit. Several are each sent again alone, unless that could crash a
// remote server against the user's will.
func (r *run) inquire() {
	r.back = false
	suspects := r.suspects()
	switch {
	case len(suspects) == 0:
		r.say(Progress{Note: "the backend ended and is back; no probe was under way"})
	case len(suspects) == 1 && suspects[0].alone:
		r.convict(suspects[0], true)
		r.say(Progress{Note: "the backend ended after " + suspects[0].probe.ID + " and is back"})
	case !r.loopback && !r.settings.Risky:
		r.accuse(suspects, true)
		r.say(Progress{Note: "the backend ended and is back; --risky sends the probes that may be why again, alone"})
	default:
		d := &death{candidates: ids(likely(suspects)), open: len(suspects)}
		var again []*job
		for _, j := range suspects {
			again = append(again, r.again(j, d))
		}
		r.queue = append(again, r.queue...)
		r.say(Progress{Note: fmt.Sprintf("the backend ended and is back; %d probes that may be why are sent again, alone", len(again))})
	}
	r.limit = 1
}

// suspects removes from the waiting probes those that have ended since the last answered control,
// and returns the likeliest ones first.
func (r *run) suspects() []*job {
	var all []*job
	for _, f := range r.families {
		waiting := slices.Concat(f.covered, f.held)
		f.covered, f.held = nil, nil
		for _, j := range waiting {
			if j.outlived {
				f.held = append(f.held, j)
			} else {
				all = append(all, j)
			}
		}
	}
	first := likely(all)
	slices.SortFunc(all, func(a, b *job) int {
		return cmp.Or(cmp.Compare(slices.Index(first, b), slices.Index(first, a)), cmp.Compare(a.ended, b.ended))
	})
	return all
}

// again returns a suspect as a job that runs alone. A 101 that it got remains its failure.
func (r *run) again(j *job, d *death) *job {
	j.x.Controls = wire.BackendGone
	next := &job{probe: j.probe, base: j.base, place: j.place, alone: true, resent: true, first: j.first, death: d, was: j.x}
	if next.first == nil && j.x.Outcome == wire.Switched && r.settings.Fails(j.x) {
		next.first = j.x
	}
	return next
}

// likely returns the suspects that probably ended the backend, in their order: no later probe got
// an answer, and their own results look like a crash. If none has both properties, the first is
// enough.
func likely(suspects []*job) []*job {
	last := slices.DeleteFunc(slices.Clone(suspects), func(j *job) bool {
		return slices.ContainsFunc(suspects, func(k *job) bool { return k.began.After(j.over) && k.x.Response != nil })
	})
	slices.SortFunc(last, func(a, b *job) int { return cmp.Compare(a.ended, b.ended) })
	if telling := slices.DeleteFunc(slices.Clone(last), func(j *job) bool { return !j.telling() }); len(telling) > 0 {
		return telling
	}
	return last
}

// telling reports whether the result of a probe looks like a crash of the server: it closed without
// a byte or after a 101, or the connection had an error.
func (j *job) telling() bool {
	switch p := j.x.Response; {
	case j.bare:
		return true
	case p == nil:
		return j.x.Outcome == wire.Opaque
	case p.Status == 101:
		return j.x.After.ServerClosed || j.x.Cause == wire.CauseServer || j.x.Cause == wire.CauseServerReset
	default:
		return p.Status >= 500
	}
}

func ids(jobs []*job) (all []string) {
	for _, j := range jobs {
		all = append(all, j.probe.ID)
	}
	return all
}

// convict releases the probe that ended the backend.
func (r *run) convict(j *job, back bool) {
	r.report.Crashes = append(r.report.Crashes, Crash{Culprit: j.probe.ID, Candidates: []string{j.probe.ID}, Back: back})
	x := j.x
	if j.first != nil {
		x = j.first
	}
	x.Controls = wire.BackendKilled
	if j.death != nil {
		j.death.culprit = true
	}
	r.finish(j, x)
}

// accuse releases probes one of which ended the backend. The first likely one represents them all.
func (r *run) accuse(suspects []*job, back bool) {
	candidates := likely(suspects)
	r.report.Crashes = append(r.report.Crashes, Crash{Candidates: ids(candidates), Back: back})
	for _, j := range suspects {
		j.x.Controls = wire.BackendGone
		if j == candidates[0] {
			j.x.Suspects = ids(candidates)
		}
		if j.first != nil {
			j.first.Controls, j.first.Suspects = j.x.Controls, j.x.Suspects
			j.x = j.first
		}
		r.finish(j, j.x)
	}
}

// finish releases the result of a probe. If it is a candidate for a death, it waits for all
// candidates: if none of them ended the backend alone, the likeliest one reports that it is one of
// them.
func (r *run) finish(j *job, x *wire.Exchange) {
	d := j.death
	if d == nil {
		r.deliver(x)
		return
	}
	d.done = append(d.done, x)
	if d.open--; d.open > 0 {
		return
	}
	if !d.culprit {
		r.report.Crashes = append(r.report.Crashes, Crash{Candidates: d.candidates, Back: !r.gone})
	}
	for _, x := range d.done {
		if !d.culprit && x.Probe == d.candidates[0] {
			x.Suspects = d.candidates
		}
		r.deliver(x)
	}
}

// String is a crash in a few words.
func (c Crash) String() string {
	text := "the backend is gone"
	if c.Back {
		text = "the backend ended, and came back"
	}
	if c.Culprit != "" {
		return text + ": nothing answered after " + c.Culprit
	}
	return text + ": nothing answered after one of " + strings.Join(c.Candidates, ", ")
}
