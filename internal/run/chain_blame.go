package run

import (
	"cmp"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
)

// blames says which of several hops are to blame: those with faults that make the exit status 1, else those with
// milder ones.
func (c *Chaining) blames() (rules.Verdict, string) {
	var gated, milder, unknown []string
	for _, h := range c.hops {
		name := cmp.Or(h.route, h.place.host)
		switch n := h.verdicts(); {
		case h.gated > 0:
			gated = append(gated, name)
		case h.failed != nil:
			unknown = append(unknown, name)
		case n[rules.Fail] > 0:
			milder = append(milder, name)
		}
	}
	rest := ""
	if len(unknown) > 0 {
		rest = " Could not tell about " + strings.Join(unknown, ", ") + "."
	}
	switch {
	case len(gated) > 0:
		return rules.Fail, "To blame: " + strings.Join(gated, ", ") + "." + rest
	case len(milder) > 0:
		return rules.Warn, "No proxy has a fault that counts; milder, accepted or known ones: " + strings.Join(milder, ", ") + "." + rest
	case len(unknown) > 0:
		return rules.Unclear, "No proxy is to blame as far as is known." + rest
	}
	return rules.Pass, "No proxy is to blame."
}
