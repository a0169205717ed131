package chain

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// doubt compares the last controls with the first ones. If the hop does not do what it did, no one knows
// since when: the results in between are unclear, and the error says so.
func (r *run) doubt(ctx context.Context) error {
	why := ""
	switch {
	case r.became(ctx, "CTRL-PLAIN", "CTRL-END", func(c *Result) bool { return c.Verdict != rules.Fail }):
		why = "a plain GET does not pass any more after all probes (CTRL-END): the hop may have been broken before"
	case r.became(ctx, "CTRL-WS", "CTRL-WS-END", func(c *Result) bool { return slices.Contains(c.Facts, "tunnel") }):
		why = "a valid WebSocket handshake does not pass any more after all probes (CTRL-WS-END): the hop may have been broken before"
		last := r.result("CTRL-WS-END")
		x, hop := *last.Near, *last.Near.Hop
		hop.Seen = append(slices.Clone(hop.Seen), wire.Sighting{What: wire.SightNoMore})
		x.Hop, last.Near = &hop, &x
		r.judge(last)
	case r.became(ctx, "CTRL-L4", "CTRL-L4-END", func(c *Result) bool { return slices.Contains(c.Facts, "L4") }),
		r.became(ctx, "CTRL-L4", "CTRL-L4-END", func(c *Result) bool { return !slices.Contains(c.Facts, "L4") }):
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

// lastTries is how often a last control is sent that is worse than the first one: a hop that mixes up responses may
// answer one of them with what another probe has left behind.
const lastTries = 3

// became reports whether a first control was good, and the last one is not, however often it is sent.
func (r *run) became(ctx context.Context, first, last string, good func(*Result) bool) bool {
	a, z := r.result(first), r.result(last)
	if a == nil || z == nil || !good(a) {
		return false
	}
	for tries := 1; !good(z); tries++ {
		if tries == lastTries || ctx.Err() != nil {
			return true
		}
		if z = r.once(r.attempt(ctx, z.Probe)); z.err != nil {
			return true
		}
	}
	r.results[slices.Index(r.results, r.result(last))] = z
	return false
}

// result returns the result of a probe; nil if there is none.
func (r *run) result(id string) *Result {
	i := slices.IndexFunc(r.results, func(result *Result) bool { return result != nil && result.Probe.ID == id })
	if i < 0 {
		return nil
	}
	return r.results[i]
}
