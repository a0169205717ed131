package probe

import (
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// The least time to wait for a server that is told to expect more than it gets, and for one that
// does not answer valid handshakes.
const (
	heldPatience = 500 * time.Millisecond
	nearPatience = 250 * time.Millisecond // to a loopback address
	farPatience  = 500 * time.Millisecond
)

// patience returns how long to wait for the head of the response. If a body is withheld, silence is
// correct, and a response would arrive as fast as those to controls.
func (r *run) patience(p *rules.Probe, f *family) time.Duration {
	switch {
	case f == nil && !r.responds(p):
		return r.brief()
	case p.On(r.target.Base).Hold == rules.HoldNothing:
		return r.settings.Head
	}
	wait := heldPatience
	if f != nil {
		wait = max(wait, 10*f.took)
	}
	return min(wait, r.settings.Head)
}

// responds reports whether the control of a probe without an accepted one got a response.
func (r *run) responds(p *rules.Probe) bool {
	for _, f := range r.families {
		if p.HTTP2() && f.control.Protocol == p.Control {
			return f.responds
		}
	}
	return r.families[0].responds
}

// controlPatience is patience for a control. It is short after a control without an answer.
func (r *run) controlPatience(f *family) time.Duration {
	met := f.control.Exchange != nil
	if met && !f.responds || !met && f.control.Protocol == "h2c" && !r.families[0].responds {
		return r.brief()
	}
	return r.settings.Head
}

// brief returns how long to wait if valid handshakes get no answer.
func (r *run) brief() time.Duration {
	wait := farPatience
	if r.loopback {
		wait = nearPatience
	}
	for _, f := range r.families {
		if f.responds {
			wait = max(wait, 10*f.took)
		}
	}
	return min(wait, r.settings.Head)
}
