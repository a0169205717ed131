package chain

import (
	"path"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
)

// Select returns the probes that match only, unless that is empty, and do not match skip, in their
// order. The controls, first and last, are always among them. Each pattern is an ID or a glob of IDs, in
// either case. A pattern without a match is an error. Without a path that the hop rejects, probes that
// need one are left out, and it is an error to choose those alone.
func Select(only, skip []string, withPath bool, v Versions) ([]*Probe, error) {
	all := Probes()
	first, last := len(controls()), len(all)-len(lastControls())
	switch v {
	case HTTP2:
		all = slices.Concat(all[:first], HTTP2Probes(), all[last:])
	case BothVersions:
		all = slices.Concat(all[:last], HTTP2Probes(), all[last:])
	}
	for _, pattern := range slices.Concat(only, skip) {
		if !slices.ContainsFunc(all, func(p *Probe) bool { return matches(pattern, p.ID) }) {
			switch {
			case v == HTTP1 && slices.ContainsFunc(HTTP2Probes(), func(p *Probe) bool { return matches(pattern, p.ID) }):
				return nil, exit.Usage("%s is in HTTP/2: add --http 2 or --http both", pattern)
			case v == HTTP2 && slices.ContainsFunc(Probes(), func(p *Probe) bool { return matches(pattern, p.ID) }):
				return nil, exit.Usage("%s is in HTTP/1.1: leave out --http 2, or use --http both", pattern)
			}
			return nil, exit.Usage("no probe %q; interlock chain --list lists them", pattern)
		}
	}
	for _, pattern := range only {
		if !withPath && !slices.ContainsFunc(all, func(p *Probe) bool { return matches(pattern, p.ID) && p.Needs != NeedsPath }) {
			return nil, exit.Usage("--only %s: this needs --protected PATH, a path that the proxy rejects, such as /admin", pattern)
		}
	}
	if !withPath {
		all = slices.DeleteFunc(all, func(p *Probe) bool { return p.Needs == NeedsPath })
	}
	controls := slices.Concat(controls(), lastControls())
	var chosen []*Probe
	for _, p := range all {
		control := p.ID == overHTTP2ID || slices.ContainsFunc(controls, func(c Probe) bool { return c.ID == p.ID })
		wanted := len(only) == 0 || matchesAny(only, p.ID)
		if control || wanted && !matchesAny(skip, p.ID) {
			chosen = append(chosen, p)
		}
	}
	return chosen, nil
}

func matches(pattern, id string) bool {
	ok, err := path.Match(strings.ToUpper(strings.TrimSpace(pattern)), id)
	return ok && err == nil
}

func matchesAny(patterns []string, id string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, id) })
}
