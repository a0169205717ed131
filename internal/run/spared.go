package run

import (
	"cmp"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

// spared are the reasons why failed findings do not make a run fail.
type spared []rules.Sparing

// add adds the reason for a failed finding.
func (s *spared) add(g *rules.Gate, f *rules.Finding) {
	if why := g.Spares(f); why != rules.SparedNot && !slices.Contains(*s, why) {
		*s = append(*s, why)
		slices.Sort(*s)
	}
}

// say says what the findings are.
func (s spared) say(g *rules.Gate) string {
	var all []string
	for _, why := range s {
		all = append(all, map[rules.Sparing]string{
			rules.SparedBelow: "below --fail-on " + g.Least.String(), rules.SparedAccepted: "accepted", rules.SparedKnown: "known",
			rules.SparedOutside: "outside the profile " + cmp.Or(string(g.Profile), string(rules.ProfileRecommended)),
			rules.SparedLater:   "of rules after release " + g.AsOf,
		}[why])
	}
	if n := len(all) - 1; n > 0 {
		return strings.Join(all[:n], ", ") + " or " + all[n]
	}
	return strings.Join(all, "")
}

// spared says why the faults of a hop do not make the run fail.
func (h *passed) spared(g *rules.Gate) string {
	var all spared
	for i := range h.results {
		for j := range h.results[i].Ruling.Findings {
			if f := &h.results[i].Ruling.Findings[j]; f.Verdict == rules.Fail {
				all.add(g, f)
			}
		}
	}
	return all.say(g)
}
