package run

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A direct is the backend itself, without the hops before it.
type direct struct {
	place  place
	target probe.Target
}

// aimDirect resolves the backend of --direct, if the flag is given.
func (p *Probing) aimDirect(ctx context.Context) error {
	if p.Flags.Direct == "" {
		return nil
	}
	where, err := parsePlace(p.Flags.Direct)
	if err != nil {
		return err
	}
	d := &direct{place: where}
	if d.target, err = p.at(ctx, where); err != nil {
		return err
	}
	s := p.sites[0] // there is only one
	d.target.Base, d.target.Handshake = d.base(s.target.Base), nil
	d.target.Protected, d.target.Identities = s.target.Protected, s.target.Identities
	if supplied := s.target.Handshake; supplied != nil {
		d.target.Handshake = func(ctx context.Context) (*rules.Handshake, error) {
			h, err := supplied(ctx)
			if err != nil {
				return nil, err
			}
			return d.base(h), nil
		}
	}
	s.direct = d
	return nil
}

// base returns the same request for the backend. Host stays, so that only the recipient differs.
// The path changes only if the URL has one.
func (d *direct) base(through *rules.Handshake) *rules.Handshake {
	h := through.Clone()
	h.Scheme = d.place.scheme
	if d.place.target != "/" {
		h.Path, h.Target = d.place.target, d.place.target
	}
	return h
}

// compare sends failed probes to both addresses, and attributes each failure.
func (s *site) compare(ctx context.Context) error {
	p, d := s.run, s.direct
	if len(s.tally.failing) == 0 {
		return nil
	}
	var seen [2]map[string]*rules.Ruling
	for i, target := range []probe.Target{s.target, d.target} {
		seen[i] = map[string]*rules.Ruling{}
		_, err := s.send(ctx, target, s.tally.failing, func(r *rules.Ruling) {
			if p.Flags.SeedCompat {
				r = alone(r)
			}
			if was := seen[i][r.X.Probe]; was == nil || r.Verdict < was.Verdict { // of several targets the worst counts
				seen[i][r.X.Probe] = r
			}
		})
		if err != nil && i == 1 && ctx.Err() == nil {
			p.Screen.Complain("--direct: " + describeTarget(d.place, err))
			return nil
		} else if err != nil {
			return err
		}
	}
	s.faults = map[string]string{}
	for _, q := range s.tally.failing {
		s.faults[q.ID] = whose(q, seen[0][q.ID], seen[1][q.ID])
	}
	s.faulty = slices.Sorted(maps.Keys(s.faults))
	return nil
}

// whose attributes a failure by the exchanges with the hop and with the backend itself.
func whose(q *rules.Probe, through, straight *rules.Ruling) string {
	if through == nil || straight == nil {
		return "it could not be sent to both"
	}
	came := fmt.Sprintf("%s direct, %s through", outcome(straight.X), outcome(through.X))
	switch {
	case through.Verdict != rules.Fail && straight.Verdict != rules.Fail:
		return came + ": neither fails any more"
	case through.Verdict != rules.Fail:
		return came + ": the backend itself; this time the hop in between kept it from the client"
	case straight.Verdict == rules.Fail:
		return came + ": the backend itself"
	case straight.X.Outcome != wire.Switched && through.X.Outcome != wire.Switched && !sharesFault(through, straight):
		return came + ": the hop in between; " + spoiled(through)
	case straight.X.Controls == wire.ControlsRefused:
		return came + ": unclear, as the backend itself accepts no valid handshake there"
	case straight.Verdict == rules.Unclear:
		return came + ": unclear, as the backend itself gave no answer that says something"
	case straight.X.Outcome != wire.Switched && through.X.Outcome == wire.Switched:
		return came + ": the hop in between; " + repair(q)
	}
	return came + ": the hop in between"
}

// sharesFault reports whether a rule failed both ways.
func sharesFault(a, b *rules.Ruling) bool {
	for i := range a.Findings {
		if f := &a.Findings[i]; f.Verdict == rules.Fail {
			if g := b.Find(f.Rule.ID); g != nil && g.Verdict == rules.Fail {
				return true
			}
		}
	}
	return false
}

// spoiled describes how a hop has changed a correct response of the backend.
func spoiled(through *rules.Ruling) string {
	for _, id := range through.Broken() {
		switch id {
		case "UPGRADE-RESP-MISSING-CONN":
			return "it takes Connection off the answer"
		case "UPGRADE-426-NO-UPGRADE":
			return "it takes Upgrade off the answer"
		}
	}
	return "it changes the answer, or answers itself"
}

// outcome returns the outcome in a word, and the status in brackets if that says more.
func outcome(x *wire.Exchange) string {
	if x.Response == nil || x.Outcome == wire.Switched {
		return string(x.Outcome)
	}
	return fmt.Sprintf("%s (%d)", x.Outcome, x.Response.Status)
}

// repair describes how a hop has changed a request that the backend rejects in its original form
// and accepts in the changed one.
func repair(q *rules.Probe) string {
	switch q.Rule().ID {
	case "UPGRADE-MISSING-CONN", "UPGRADE-CONN-SYNTAX":
		return "it adds Connection"
	case "UPGRADE-101-UNSOLICITED", "UPGRADE-101-NOT-OFFERED", "UPGRADE-SYNTAX":
		return "it writes Upgrade anew, or switches by itself"
	case "UPGRADE-HTTP10", "UPGRADE-HTTP-VERSION":
		return "it sends another HTTP version"
	case "UPGRADE-POST":
		return "it sends another method"
	case "UPGRADE-HOST-MISSING", "UPGRADE-HOST-DUP", "UPGRADE-HOST-INVALID":
		return "it writes Host anew"
	}
	return "it repairs the request, or switches by itself"
}
