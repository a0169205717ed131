package chain

import (
	"errors"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// doubt compares the last controls with the first ones. If the hop does not do what it did, no one knows
// since when: the results in between are unclear, and the error says so.
func (r *run) doubt() error {
	why := ""
	switch {
	case r.became("CTRL-PLAIN", "CTRL-END", func(c *Result) bool { return c.Verdict != rules.Fail }):
		why = "a plain GET does not pass any more after all probes (CTRL-END): the hop may have been broken before"
	case r.became("CTRL-WS", "CTRL-WS-END", func(c *Result) bool { return slices.Contains(c.Facts, "tunnel") }):
		why = "a valid WebSocket handshake does not pass any more after all probes (CTRL-WS-END): the hop may have been broken before"
		last := r.result("CTRL-WS-END")
		x, hop := *last.Near, *last.Near.Hop
		hop.Seen = append(slices.Clone(hop.Seen), wire.Sighting{What: wire.SightNoMore})
		x.Hop, last.Near = &hop, &x
		r.judge(last)
	case r.became("CTRL-L4", "CTRL-L4-END", func(c *Result) bool { return slices.Contains(c.Facts, "L4") }),
		r.became("CTRL-L4", "CTRL-L4-END", func(c *Result) bool { return !slices.Contains(c.Facts, "L4") }):
		why = "the hop has begun or ceased to read HTTP (CTRL-L4-END)"
	}
	if why == "" {
		return nil
	}
	for _, result := range r.results {
		if result == nil || result.Verdict > rules.Pass || result.Probe.turn == alone && strings.HasPrefix(result.Probe.ID, "CTRL-") {
			continue
		}
		x := *result.Near
		x.Controls, result.Near = wire.BackendGone, &x
		r.judge(result)
		result.Why = why
	}
	return errors.New(why)
}

// became reports whether a first control was good, and the last one is not.
func (r *run) became(first, last string, good func(*Result) bool) bool {
	a, z := r.result(first), r.result(last)
	return a != nil && z != nil && good(a) && !good(z)
}

// result returns the result of a probe; nil if there is none.
func (r *run) result(id string) *Result {
	i := slices.IndexFunc(r.results, func(result *Result) bool { return result != nil && result.Probe.ID == id })
	if i < 0 {
		return nil
	}
	return r.results[i]
}
