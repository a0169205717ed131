package probe

import (
	"path"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/rules"
)

// Select returns the probes that match only, unless that is empty, and do not match skip. Each
// pattern is an ID or a glob of IDs, in either case and with or without COMP- before it. A pattern
// without a match is an error.
func Select(all []*rules.Probe, only, skip []string) ([]*rules.Probe, error) {
	for _, each := range []struct {
		flag     string
		patterns []string
	}{{"only", only}, {"skip", skip}} {
		for _, pattern := range each.patterns {
			if err := meansSomething(all, each.flag, pattern); err != nil {
				return nil, err
			}
		}
	}
	var chosen []*rules.Probe
	for _, p := range all {
		if (len(only) == 0 || matchesAny(only, p.ID)) && !matchesAny(skip, p.ID) {
			chosen = append(chosen, p)
		}
	}
	if len(chosen) == 0 {
		return nil, exit.Usage("--only and --skip leave no probe")
	}
	return chosen, nil
}

func meansSomething(all []*rules.Probe, flag, pattern string) error {
	if _, err := path.Match(canonicalPattern(pattern), ""); err != nil {
		return exit.Usage("--%s: %q is not a glob such as UPGRADE-H2C-*", flag, pattern)
	}
	if slices.ContainsFunc(all, func(p *rules.Probe) bool { return matches(pattern, p.ID) }) {
		return nil
	}
	err := UnknownProbe(pattern)
	return exit.Usage("--%s: %w", flag, err)
}

// canonicalPattern returns a pattern in the form of the IDs.
func canonicalPattern(pattern string) string {
	return strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(pattern)), "COMP-")
}

func matches(pattern, id string) bool {
	ok, err := path.Match(canonicalPattern(pattern), id)
	return ok && err == nil
}

func matchesAny(patterns []string, id string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, id) })
}

// UnknownProbe returns the error for an unknown ID. It suggests similar IDs.
func UnknownProbe(id string) error {
	if near := rules.SuggestProbe(strings.Trim(id, "*?")); len(near) > 0 {
		return exit.Usage("no probe %q; did you mean %s?", id, strings.Join(near, " or "))
	}
	return exit.Usage("no probe %q; interlock probe --list lists them", id)
}
