package probe

import (
	"fmt"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// When silence is taken for a sign of load, and when it no longer is.
const (
	leastSilent = 4                     // probes without an answer that are at least half of the last ones
	alikeAlone  = 2                     // this many probes without an answer even alone: silence is this server's way to reject
	slowFactor  = 4                     // a control is slow if it takes this many times as long as the first one
	slowLeast   = 50 * time.Millisecond // and at least this long
)

// load tracks how the probes of a run affect each other.
type load struct {
	silent  []*job // probes that ended without an answer and were not sent alone
	lately  []bool // for each of the last probes, at most limit, whether it got an answer
	dropped bool   // concurrency was reduced for that reason
	alike   int    // probes that got no answer alone either
	unlike  bool   // one got an answer alone
}

// meant reports whether silence is known to be this server's way to reject.
func (l *load) meant() bool { return l.alike >= alikeAlone && !l.unlike }

// watch records whether a probe got an answer. If many concurrent ones get none, probes are sent
// one at a time.
func (r *run) watch(j *job) {
	silent := j.x.Outcome == wire.Silent
	switch {
	case j.quiet != nil:
		r.compare(silent)
		return
	case j.alone, j.uncontrolled: // if valid handshakes get no answer either, silence is not a sign of load
		return
	case silent:
		r.load.silent = append(r.load.silent, j)
	}
	l := &r.load
	l.lately = append(l.lately, silent)
	l.lately = l.lately[max(0, len(l.lately)-r.settings.Concurrency):]
	n := 0
	for _, silent := range l.lately {
		if silent {
			n++
		}
	}
	if r.limit > 1 && !l.dropped && n >= leastSilent && 2*n >= len(l.lately) && r.alive.responds {
		l.dropped, r.limit = true, 1
		r.doubts++ // one for a control, and one for the silent probe alone
		r.say(Progress{Note: fmt.Sprintf("%d of the last %d probes got no answer; load may be the cause: one at a time from here on", n, len(l.lately))})
	}
}

// compare records the result of a silent probe that was sent again alone.
func (r *run) compare(silent bool) {
	l := &r.load
	was := l.meant()
	if silent {
		l.alike++
	} else if !l.unlike {
		l.unlike, r.limit = true, 1
		r.report.Loaded = true
		r.say(Progress{Note: "a probe that got no answer among others got one alone: load was the cause; one at a time from here on"})
	}
	if !was && l.meant() && l.dropped && len(r.report.Crashes) == 0 {
		r.limit = r.settings.Concurrency
		r.say(Progress{Note: fmt.Sprintf("they get no answer alone either: %d at a time again", r.limit)})
	}
}

// crowded reports whether the silence of a probe may be due to load: another probe at the same time
// got no answer either, or the next control was slow. Known is false if others are still running.
func (r *run) crowded(j *job, slow bool) (crowded, known bool) {
	if j.alone || j.x.Outcome != wire.Silent || r.load.meant() && !withheld(j) {
		return false, true
	}
	if slow || slices.ContainsFunc(r.load.silent, func(k *job) bool { return k != j && k.began.Before(j.over) && j.began.Before(k.over) }) {
		return true, true
	}
	for k := range r.out {
		if k.began.Before(j.over) {
			return false, false
		}
	}
	return false, true
}

// recheck sends a silent probe again alone.
func (r *run) recheck(j *job, controls wire.Controls) {
	j.x.Controls = controls
	again := &job{probe: j.probe, base: j.base, place: j.place, first: j.first, alone: true, resent: true, quiet: j, death: j.death, was: j.was}
	r.queue = append([]*job{again}, r.queue...)
}

// withheld reports whether a probe announced a body that it did not send, so that silence is a
// pass.
func withheld(j *job) bool {
	q := j.x.Request
	return !j.x.BodyDone && (q.Has("Content-Length") || q.Has("Transfer-Encoding"))
}

// settled reports whether a probe need not be sent again alone, because silence is this server's
// way to reject. Then the first silence counts.
func (r *run) settled(j *job) bool {
	if j.quiet == nil || !r.load.meant() || withheld(j.quiet) {
		return false
	}
	r.release(j.quiet, j.quiet.x.Controls, false)
	return true
}

// slower reports whether a control took much longer than before the first probe.
func (f *family) slower(x *wire.Exchange) bool { return x.Took > slowFactor*f.took+slowLeast }
