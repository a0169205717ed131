package hop

import (
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Judge returns what the rules about proxies find in a pair. The clocks of two Interlocks differ, so
// nothing is judged by the order of events.
func Judge(p Pair) (found []rules.Finding) {
	x := *p.Near.X
	x.Hop = &wire.Hop{Far: p.Far.X, Blanked: true}
	for _, f := range rules.Classify(rules.Case{X: &x}).Findings {
		if f.Rule.Hop && f.Verdict < rules.Pass {
			found = append(found, f)
		}
	}
	return found
}

// Stored returns the exchange of a ruling as a store would return it: payload and secrets are blanked
// out. It is nil if the ruling cannot be written.
func Stored(r *rules.Ruling) *wire.Exchange {
	text, err := r.MarshalJSON()
	if err != nil {
		return nil
	}
	stored, err := rules.ReadRuling(text)
	if err != nil {
		return nil
	}
	return stored.X
}

// A Broken is a rule that the hop breaks, in all pairs.
type Broken struct {
	Rule     string         `json:"rule"`
	Verdict  rules.Verdict  `json:"verdict"`
	Severity rules.Severity `json:"severity"`
	Text     string         `json:"text"`  // of the first one
	Count    int            `json:"count"` // pairs
	Near     string         `json:"nearExchange"`
	Far      string         `json:"farExchange"`
}

// judge adds what the rules find in a pair. Of one rule, the worst verdict is told.
func (r *Report) judge(p Pair) {
	for _, f := range Judge(p) {
		this := Broken{Rule: f.Rule.ID, Verdict: f.Verdict, Severity: f.Severity, Text: f.Detail, Near: shown(p.Near.X.ID), Far: shown(p.Far.X.ID)}
		at := -1
		for i := range r.Rules {
			if r.Rules[i].Rule == this.Rule {
				at = i
			}
		}
		if at < 0 {
			at = len(r.Rules)
			r.Rules = append(r.Rules, this)
		}
		this.Count = r.Rules[at].Count
		if this.Verdict < r.Rules[at].Verdict || this.Verdict == r.Rules[at].Verdict && this.Severity > r.Rules[at].Severity {
			r.Rules[at] = this
		}
		r.Rules[at].Count++
	}
}
