package chain

import (
	"slices"

	"github.com/interlock-proxy/interlock/rules"
)

// A Probe is a request, or a few, through the hop, an answer of the sink, and what a sound hop does.
type Probe struct {
	ID     string
	Label  string // what it sends, or what the sink does
	Want   string // what a sound hop does
	Rule   string // ID of the rule that it is about; Probes fills it in
	Risk   rules.Risk
	Needs  Need
	Shared bool // it may also be sent through a hop that serves strangers: it leaves nothing on a pooled connection

	turn turn
	run  func(*attempt)
}

// A Need is what the hop must do with a valid handshake so that a probe says something.
type Need uint8

// The needs.
const (
	NeedsNothing Need = iota
	NeedsTunnel       // a tunnel between client and sink
	NeedsPath         // a path that it rejects, which only its operator knows
)

// Probes returns all probes in the order in which they are sent: the controls, then the requests,
// the refusals, requests for a path that the hop rejects, early bytes, 101s, tunnels, and those about pools last, before the last control.
// The caller owns the slice.
func Probes() []*Probe {
	all := slices.Concat(inTurn(alone, controls()), handshakes(), offers(), headers(), inTurn(undivided, targets()), refusals(), denied(), early(), switches(), tunnels(), bodies(),
		inTurn(alone, pools()), inTurn(alone, lastControls()))
	return finished(all)
}

// EveryProbe returns those of [Probes] and of [HTTP2Probes].
func EveryProbe() []*Probe { return slices.Concat(Probes(), HTTP2Probes()) }

// finished gives each probe its rule.
func finished(all []Probe) []*Probe {
	probes := make([]*Probe, len(all))
	for i := range all {
		probes[i] = &all[i]
		if inPlay := rules.ChainRules(all[i].ID); len(inPlay) > 0 {
			all[i].Rule = inPlay[0].ID
		}
	}
	return probes
}

// A turn says which other probes may be sent while one waits.
type turn uint8

const (
	besides   turn = iota // others, once it has waited for a while
	undivided             // none; but others that were sent before it may still wait
	alone                 // none
)

// inTurn gives probes a turn.
func inTurn(turn turn, probes []Probe) []Probe {
	for i := range probes {
		probes[i].turn = turn
	}
	return probes
}

// FindProbe returns the probe with that ID; nil if there is none.
func FindProbe(id string) *Probe {
	all := EveryProbe()
	if i := slices.IndexFunc(all, func(p *Probe) bool { return p.ID == id }); i >= 0 {
		return all[i]
	}
	return nil
}
