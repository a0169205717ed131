package rules

import (
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// Join returns a ruling on an exchange whose other side became known after it was judged, with what
// the rules about proxies find: x is the exchange with both sides, and found is their ruling; see
// Case.HopOnly. A deviation that both describe is left to the rule about proxies.
func (r *Ruling) Join(x *wire.Exchange, found *Ruling) *Ruling {
	is := *r
	is.X = x
	is.Findings = append(slices.Clone(r.Findings), found.Findings...)
	slices.SortStableFunc(is.Findings, func(f, g Finding) int { return strings.Compare(f.Rule.ID, g.Rule.ID) })
	is.Verdict, is.Unsafe = min(r.Verdict, found.Verdict), r.Unsafe || found.Unsafe
	if isSwitch(x) && severalFindings(is.Findings, isCriticalFailure) {
		for _, rules := range deviations() {
			if rule := Find(rules[0]); rule != nil && rule.Hop {
				is.relate(rules[0], rules[1:], "")
			}
		}
	}
	return &is
}

// Adds reports whether a ruling has a finding of a rule about proxies that decides its verdict and that
// no report of the exchange before had.
func (r *Ruling) Adds(before *Before) bool {
	if r.X.Hop == nil || r.Verdict >= Pass {
		return false
	}
	return slices.ContainsFunc(r.Findings, func(f Finding) bool {
		return f.Rule.Hop && f.Verdict == r.Verdict && !before.Has(f.Rule)
	})
}
