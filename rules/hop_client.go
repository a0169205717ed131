package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

// LeaveClient removes from a new ruling on a case what the client did wrong in the tunnel, because a
// proxy forwards those bytes for a client that is judged on its own connection. What the heads show
// remains: the proxy may have changed them.
func (r *Ruling) LeaveClient(c Case) {
	if !isSwitch(c.X) || !slices.ContainsFunc(r.Findings, ofClient) {
		return
	}
	x := *c.X
	x.After = wire.After{}
	c.X = &x
	heads := Classify(c)
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool {
		if !ofClient(f) {
			return false
		}
		same := heads.Find(f.Rule.ID)
		return same == nil || same.Verdict != f.Verdict || same.Detail != f.Detail
	})
	r.Verdict = NotApplicable
	for i := range r.Findings {
		r.Verdict = min(r.Verdict, r.Findings[i].Verdict)
	}
}

// ofClient reports whether a finding is a fault of the client.
func ofClient(f Finding) bool { return f.Verdict < Pass && f.Party == Client }
