package main

import (
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/rules"
)

// selectProbes are those of all that are asked for: by only, if it is not empty, and not by skip. Each pattern is an ID or
// a glob of IDs, in letters of either case and with or without COMP- in front, and has to mean something.
func selectProbes(all []*rules.Probe, only, skip []string) ([]*rules.Probe, error) {
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
		return nil, usage("--only and --skip leave no probe")
	}
	return chosen, nil
}

func meansSomething(all []*rules.Probe, flag, pattern string) error {
	if _, err := path.Match(glob(pattern), ""); err != nil {
		return usage("--%s: %q is no glob such as UPGRADE-H2C-*", flag, pattern)
	}
	if slices.ContainsFunc(all, func(p *rules.Probe) bool { return matches(pattern, p.ID) }) {
		return nil
	}
	err := unknownProbe(pattern)
	return usage("--%s: %w", flag, err)
}

// glob is a pattern as the IDs are written.
func glob(pattern string) string {
	return strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(pattern)), "COMP-")
}

func matches(pattern, id string) bool {
	ok, err := path.Match(glob(pattern), id)
	return ok && err == nil
}

func matchesAny(patterns []string, id string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, id) })
}

func unknownProbe(id string) error {
	if near := rules.SuggestProbe(strings.Trim(id, "*?")); len(near) > 0 {
		return usage("no probe %q; did you mean %s?", id, strings.Join(near, " or "))
	}
	return usage("no probe %q; interlock probe --list lists them", id)
}

// completeProbes completes the ID of a probe.
func completeProbes(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var ids []string
	for _, p := range rules.Probes() {
		ids = append(ids, p.ID+"\t"+p.Title)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
