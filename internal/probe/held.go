package probe

import (
	"cmp"
	"context"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// hold keeps an ended probe until two later controls are answered. A probe without a control only
// waits for the liveness of the backend.
func (r *run) hold(ctx context.Context, j *job) {
	switch f := r.speaker(j.probe); {
	case f != nil:
		f.held = append(f.held, j)
		f.since++
	case j.bare || j.alone:
		r.alive.held = append(r.alive.held, j)
	default:
		r.release(j, wire.ControlsRefused, r.stopping(ctx))
	}
}

// releaseCovered releases the probes that had ended when the control was sent.
func (r *run) releaseCovered(f *family, accepted bool) {
	covered := f.covered
	f.covered = nil
	if accepted {
		f.suspect = nil
	}
	for _, j := range covered {
		controls := wire.ControlsRefused
		if accepted && j.before && !j.uncontrolled {
			controls = wire.ControlsAccepted
		}
		if crowded, known := r.crowded(j, f.slow); accepted && !known {
			f.held = append(f.held, j)
			continue
		} else if accepted && crowded {
			r.recheck(j, controls)
			continue
		}
		if accepted && !j.outlived && !j.alone && !j.bare {
			// Wait for one more control: a backend that accepts a limited number of handshakes may
			// have accepted this one as its last.
			j.outlived = true
			f.held = append(f.held, j)
			continue
		}
		if !accepted && !j.outlived {
			f.suspect = append(f.suspect, j.probe.ID)
		}
		r.release(j, controls, false)
	}
}

// release releases a probe with the results of the controls around it. A failed one is first sent
// once more, and both results are compared.
func (r *run) release(j *job, controls wire.Controls, last bool) {
	j.x.Controls, j.x.Control = controls, r.controlStatus(j.probe)
	switch fails := r.settings.Fails(j.x); {
	case j.first != nil:
		if j.first.Flaky = !fails; j.first.Controls == wire.BackendGone {
			j.first.Controls = controls
		}
		r.finish(j, j.first)
	case fails && !last && j.probe.Risk != rules.Crash:
		again := &job{probe: j.probe, base: j.base, place: j.place, first: j.x, resent: true, alone: j.alone, death: j.death, was: j.was}
		r.queue = append([]*job{again}, r.queue...)
	default:
		r.finish(j, j.x)
	}
}

// deliver passes an exchange on when its turn comes.
func (r *run) deliver(x *wire.Exchange) {
	r.turns.ended(x.Probe, x.Aim, x)
	r.done++
	r.say(Progress{Probe: x.Probe})
	for _, x := range r.turns.next() {
		r.observe(x)
	}
}

// abandon gives up a probe that could not be sent. If that was its second attempt, the result of
// the first one counts.
func (r *run) abandon(j *job, why string) {
	switch {
	case j.first != nil:
		r.finish(j, j.first)
		return
	case j.was != nil:
		r.finish(j, j.was)
		return
	case j.quiet != nil:
		r.finish(j, j.quiet.x)
		return
	}
	r.total--
	r.skip(j, why)
	r.turns.ended(j.probe.ID, j.base.aim, nil)
	for _, x := range r.turns.next() {
		r.observe(x)
	}
}

// controlStatus is the status of the last answer to the control of a probe's protocol, if it has
// one; see [wire.Exchange.Control].
func (r *run) controlStatus(p *rules.Probe) int {
	protocol := cmp.Or(p.Control, "websocket")
	for _, f := range r.families {
		switch x := f.control.Exchange; {
		case f.control.Protocol != protocol || x == nil:
		case x.Response == nil:
			return wire.NoAnswer
		default:
			return x.Response.Status
		}
	}
	return 0
}
