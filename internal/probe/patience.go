package probe

import (
	"time"

	"github.com/interlock-proxy/interlock/rules"
)

// How long a server is waited for at least: one that was not sent all of what it was told to expect, and one whose answer
// to sound handshakes is silence.
const (
	heldPatience = 500 * time.Millisecond
	nearPatience = 250 * time.Millisecond // to a loopback address
	farPatience  = 500 * time.Millisecond
)

// patience is how long the head of the answer is waited for. Where content is held back silence is right; what comes at all
// comes as soon as the controls' answers did.
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

// brief is how long is waited where sound handshakes get nothing but silence: more of it is no news.
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
