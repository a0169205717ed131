package rules

import (
	"slices"

	"github.com/interlock-proxy/interlock/wire"
)

// Before is the result of an exchange as of its previous report, for callers that count exchanges
// and not reports. It never changes.
type Before struct {
	Outcome     wire.Outcome
	Protocol    string // as wire.Exchange has it
	Verdict     Verdict
	Judged      bool // it was complete
	Unsafe      bool
	Final       bool // it was the last report of the proxy; only what was seen elsewhere can come later
	open        bool // see Opened
	ClientBytes int64
	ServerBytes int64

	broken    []*Rule  // rules that did not pass in one of the reports
	diagnosed []string // IDs of diagnoses in one of the reports
}

// openTunnels reports whether a tunnel of live traffic is open.
func openTunnels(x *wire.Exchange) bool {
	return x.Origin == wire.OriginLive && x.Outcome == wire.Switched && !x.Blocked && !x.Final
}

// Opened returns by how many the number of open tunnels of live traffic changed since the previous
// report: 1, 0 or -1.
func (r *Ruling) Opened() int {
	switch was, is := r.Before != nil && r.Before.open, openTunnels(r.X); {
	case is && !was:
		return 1
	case was && !is:
		return -1
	}
	return 0
}

// Has reports whether a finding of that rule that did not pass was there before. Nil has none.
func (b *Before) Has(r *Rule) bool { return b != nil && slices.Contains(b.broken, r) }

// Explained reports whether a diagnosis with that ID was there before. Nil has none.
func (b *Before) Explained(id string) bool { return b != nil && slices.Contains(b.diagnosed, id) }

// Then returns the result of the exchange as of a ruling on its next report. A nil b means that
// there was no report before.
func (b *Before) Then(r *Ruling) *Before {
	x := r.X
	then := &Before{
		Outcome: x.Outcome, Protocol: x.Protocol(), Verdict: r.Verdict, Judged: x.Complete, Unsafe: r.Unsafe, Final: x.Final,
		open: openTunnels(x), ClientBytes: x.After.ClientBytes, ServerBytes: x.After.ServerBytes,
	}
	if b != nil {
		then.broken, then.Judged, then.Unsafe = slices.Clip(b.broken), b.Judged || then.Judged, b.Unsafe || then.Unsafe
		then.diagnosed = slices.Clip(b.diagnosed)
	}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Verdict < Pass && !slices.Contains(then.broken, f.Rule) {
			then.broken = append(then.broken, f.Rule)
		}
	}
	for i := range r.Diagnoses {
		if id := r.Diagnoses[i].ID; !slices.Contains(then.diagnosed, id) {
			then.diagnosed = append(then.diagnosed, id)
		}
	}
	return then
}
