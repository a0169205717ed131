package probe

import (
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// The least time to wait for a server that is told to expect more than it gets, and for one that
// answers valid handshakes with silence.
const (
	heldPatience = 500 * time.Millisecond
	nearPatience = 250 * time.Millisecond // to a loopback address
	farPatience  = 500 * time.Millisecond
)

// patience returns how long to wait for the head of the answer. If content is withheld, silence is
// correct; an answer comes as fast as those to controls.
func (r *run) patience(p *rules.Probe, f *family) time.Duration {
	switch {
	case f == nil && !r.families[0].responds:
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

// controlPatience is the same for a control: it is short where a control before it has met with silence.
func (r *run) controlPatience(f *family) time.Duration {
	met := f.control.Exchange != nil
	if met && !f.responds || !met && f.control.Protocol == "h2c" && !r.families[0].responds {
		return r.brief()
	}
	return r.settings.Head
}

// brief is how long to wait if valid handshakes get only silence.
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
