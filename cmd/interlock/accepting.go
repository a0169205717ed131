package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/rules"
)

// acceptFlags adds the flags that say what a run is held against.
func acceptFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArray("baseline", nil, "an earlier run, as its report of -o json or ndjson, or in the store as its ID or last, several times: what it has is known and makes nothing fail")
	storeFlags(cmd)
	f.StringArray("accept", nil, "file with the keys accept and expect of the configuration, several times")
}

// accepting is what a run is held against: what was accepted, what is known, what is expected.
type accepting struct {
	states   accept.States
	coverage accept.Coverage
	screen   *screen
}

// loadAccepting puts together what acceptFlags ask for, beside what the configuration says.
func loadAccepting(cmd *cobra.Command, c *config, screen *screen) (*accepting, error) {
	a := &accepting{screen: screen, states: accept.States{Entries: c.accepted, Now: time.Now()}, coverage: accept.Coverage{Expected: c.expected}}
	flag := func(name string) []string {
		values, err := cmd.Flags().GetStringArray(name)
		if err != nil {
			panic(err) // the flag is not there: a mistake in the program
		}
		return values
	}
	for _, name := range flag("accept") {
		accepted, expected, err := new(acceptFile).read(name)
		if err != nil {
			return nil, err
		}
		a.states.Entries, a.coverage.Expected = slices.Concat(a.states.Entries, accepted), slices.Concat(a.coverage.Expected, expected)
	}
	names := slices.Concat(c.Baseline, flag("baseline"))
	if len(names) == 0 {
		return a, nil
	}
	a.states.Baseline = new(accept.Findings)
	b := newBaselines(cmd, c, screen)
	defer b.close()
	for _, name := range names {
		if err := b.read(cmd.Context(), name, a.states.Baseline); err != nil {
			return nil, usage("--baseline: %w", err)
		}
	}
	return a, nil
}

// about leaves out what is not about an endpoint, the only one that the run can say anything about.
func (a *accepting) about(endpoint string) {
	a.states.Entries = slices.DeleteFunc(slices.Clone(a.states.Entries), func(e accept.Entry) bool { return !e.About(endpoint) })
	a.coverage.Expected = slices.DeleteFunc(slices.Clone(a.coverage.Expected), func(e accept.Expectation) bool { return !e.About(endpoint) })
}

// enter takes the next ruling and returns it with the states of its findings.
func (a *accepting) enter(r *rules.Ruling) *rules.Ruling {
	a.coverage.Enter(r)
	return a.states.Enter(r)
}

// sum adds to a summary what only the whole run shows.
func (a *accepting) sum(s *report.Summary) {
	s.NotSeen = a.states.NotSeen()
	s.Remarks = append(s.Remarks, a.states.Remarks()...)
	for _, e := range a.coverage.Missing() {
		s.Remarks = append(s.Remarks, fmt.Sprintf("%s: %s was expected and did not switch", e.Place, e.String()))
	}
}

// uncovered is an error that names the expected endpoints that did not switch; nil if all did.
func (a *accepting) uncovered() error {
	missing := a.coverage.Missing()
	if len(missing) == 0 {
		return nil
	}
	var names []string
	for _, e := range missing {
		names = append(names, e.String())
	}
	return unknown("expected to switch, and did not: %s", strings.Join(names, ", "))
}

// hint says after a first red run how to accept what it has found.
func (a *accepting) hint(outputs []string) {
	if a.states.Baseline != nil {
		return
	}
	for _, o := range outputs {
		if format, name, _ := strings.Cut(o, "="); (format == "json" || format == "ndjson") && name != "" && name != "-" {
			a.screen.complain("to fail on what is new from here on, keep " + name + " and add --baseline " + name)
			return
		}
	}
	a.screen.complain("to fail on what is new from here on, add -o json=baseline.json once, and --baseline baseline.json from then on")
}
