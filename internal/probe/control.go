package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// When controls are sent, and when a run gives up.
const (
	controlEvery = 20                     // probes
	maxMisses    = 3                      // consecutive controls without an answer, of a family that is not needed for liveness
	retryAfter   = 20 * time.Millisecond  // twice as long each time,
	retryMost    = 500 * time.Millisecond // and no longer
)

// A family is a group of probes with one control, and the state of that control.
type family struct {
	control  Control
	probe    *rules.Probe
	accepted bool          // before the first probe: it speaks for its probes
	responds bool          // before the first probe it got a response, even a rejection
	took     time.Duration // the time until that response
	good     bool          // its last control was accepted

	since   int       // probes that have ended since its last control
	asked   bool      // its control is running
	seen    int       // the number of doubts when its control was sent
	held    []*job    // probes that have ended since
	covered []*job    // probes that had ended before
	missed  time.Time // the first of several controls in a row without an answer
	misses  int
	slow    bool     // the last control took much longer than before the first probe
	suspect []string // if the control is no longer accepted: the probes since it last was
}

func (r *run) family(protocol, id string) *family {
	f := &family{probe: rules.FindProbe(id), control: Control{Probe: id, Protocol: protocol}}
	r.families = append(r.families, f)
	return f
}

// speaker returns the family whose control decides about a probe; nil if there is none.
func (r *run) speaker(p *rules.Probe) *family {
	protocol := p.Control
	if protocol == "" {
		protocol = "websocket"
	}
	for _, f := range r.families {
		if f.control.Protocol == protocol && f.accepted {
			return f
		}
	}
	return nil
}

// A suppliedError means that there is no handshake to send.
type suppliedError struct{ err error }

func (e *suppliedError) Error() string { return "no handshake: " + e.err.Error() }
func (e *suppliedError) Unwrap() error { return e.err }

// request returns the next request for a probe.
func (r *run) request(ctx context.Context, p *rules.Probe) (*rules.Handshake, error) {
	base, err := r.baseOf(ctx, nil)
	if err != nil {
		return nil, err
	}
	h := p.On(base)
	r.sign(h, p.ID)
	return h, nil
}

// sendControl sends the control of a family. Before the first probe it also tests the tunnel.
func (r *run) sendControl(ctx context.Context, f *family, patience time.Duration, prove bool) answer {
	h, err := r.request(ctx, f.probe)
	if err != nil {
		return answer{err: err}
	}
	return r.attempt(ctx, f.probe.ID, h, patience, prove)
}

// wanted reports whether a control is due: after a number of probes, when everything else waits for
// it, and when the server may be gone.
func (r *run) wanted(f *family) bool {
	resting := r.flying == 0 && (len(r.queue) == 0 || r.queue[0].alone)
	again := f != r.alive && f.misses > 0 && !r.doubtful()
	return f.since >= controlEvery || resting && len(f.held) > 0 || f == r.alive && r.doubtful() || again
}

// ask sends a control for all probes that have ended by now.
func (r *run) ask(ctx context.Context, f *family) {
	f.covered, f.held = append(f.covered, f.held...), nil
	f.since, f.asked, f.seen = 0, true, r.doubts
	wait, patience := time.Duration(0), r.controlPatience(f)
	if f.misses > 0 {
		wait = min(retryAfter<<min(f.misses-1, 10), retryMost)
	}
	r.under++
	r.workers.Go(func() {
		if wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
		}
		r.results <- result{family: f, answer: r.sendControl(ctx, f, patience, false), waited: patience}
	})
}

// told records the result of a control.
func (r *run) told(f *family, a answer, waited time.Duration) {
	f.asked = false
	if errors.As(a.err, new(*suppliedError)) { // nothing was sent, and no probe can be sent either
		r.cleared, f.good = max(r.cleared, f.seen), false
		r.releaseCovered(f, false)
		r.say(Progress{Note: a.err.Error()})
		return
	}
	if a.x == nil || f.responds && a.x.Response == nil {
		r.missed(f, a)
		return
	}
	f.note(a, waited)
	f.misses, f.slow = 0, f.slower(a.x)
	r.cleared = max(r.cleared, f.seen)
	good := f.takes(a.x)
	note := ""
	if f.accepted && f.good != good {
		note = said(f, a.x)
	}
	f.good = good
	r.back, r.down = r.back || r.down, false
	if !r.back { // otherwise a waiting probe may have crashed the backend: see inquire
		r.releaseCovered(f, good)
	}
	r.say(Progress{Note: note})
}

// note records the last result of a control.
func (f *family) note(a answer, waited time.Duration) {
	f.control.Exchange, f.control.Waited = a.x, waited
	f.control.Begun = a.x.Response == nil && len(a.raw) > 0 && begun(a.raw)
	f.control.Flaw = rules.HandshakeFlaw(a.x)
}

// said describes the result of a control after its answer has changed.
func said(f *family, x *wire.Exchange) string {
	switch {
	case f.control.Flaw != "":
		return fmt.Sprintf("%s got a %d %s: refusals from here on say nothing", f.control.Probe, x.Response.Status, f.control.Flaw)
	case x.Outcome == wire.Switched:
		return f.control.Probe + " is accepted again"
	case x.Response == nil:
		return f.control.Probe + " got no answer: refusals from here on say nothing"
	}
	return fmt.Sprintf("%s got a %d: refusals from here on say nothing", f.control.Probe, x.Response.Status)
}

// missed records that a control got no answer. The liveness control is sent again; after some time
// the server is considered gone. Other controls are sent again once liveness is known, and then
// count as rejected.
func (r *run) missed(f *family, a answer) {
	r.doubts++
	r.down = r.down || refused(a.err)
	f.misses++
	switch {
	case f == r.alive && f.misses == 1:
		f.missed = time.Now()
		r.say(Progress{Note: "nothing answers; trying again"})
	case f == r.alive && time.Since(f.missed) > r.settings.Return:
		r.gone = true
	case f != r.alive && f.misses >= maxMisses && !r.down:
		f.good, f.misses = false, 0
		r.releaseCovered(f, false)
	}
}
