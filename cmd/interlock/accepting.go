package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/baseline"
	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/help"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

// acceptFlags adds the flags for accepted findings and baselines.
func acceptFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArray("baseline", nil, "`run` whose findings are known: JSON report, ID, last")
	storeFlags(cmd)
	f.StringArray("accept", nil, "`file` with the keys accept and expect")
	help.Group(cmd, help.Judge, "baseline", "accept")
	complete(cmd, "baseline", completeRuns)
}

// loadAccepting combines the values of acceptFlags with the configuration. Target is the endpoint
// or file of the run, so that last means the last run of the same target.
func loadAccepting(cmd *cobra.Command, c *config.Config, screen *terminal.Screen, target string) (*run.Accepting, error) {
	a := &run.Accepting{Screen: screen, States: accept.States{Entries: c.Accepted, Now: time.Now()}, Coverage: accept.Coverage{Expected: c.Expected}}
	flag := func(name string) []string {
		values, err := cmd.Flags().GetStringArray(name)
		if err != nil {
			panic(err) // the flag is not there: a mistake in the program
		}
		return values
	}
	for _, name := range flag("accept") {
		accepted, expected, err := new(config.AcceptFile).Read(name)
		if err != nil {
			return nil, err
		}
		a.States.Entries, a.Coverage.Expected = slices.Concat(a.States.Entries, accepted), slices.Concat(a.Coverage.Expected, expected)
	}
	names := slices.Concat(c.Baseline, flag("baseline"))
	if len(names) == 0 {
		return a, nil
	}
	a.States.Baseline = new(accept.Findings)
	b := newBaselines(cmd, c, screen)
	b.Target = target
	defer b.Close()
	for _, name := range names {
		if err := b.Read(cmd.Context(), name, a.States.Baseline); err != nil {
			if advice := "run once without --baseline, or name another store with --store, or the report of a run with -o json"; errors.Is(err, store.ErrNotFound) {
				err = fmt.Errorf("%w; %s", err, advice)
			}
			return nil, exit.Usage("--baseline: %w", err)
		}
	}
	return a, nil
}

// newBaselines returns a reader of baselines from the store of the command's flags.
func newBaselines(cmd *cobra.Command, c *config.Config, screen *terminal.Screen) *baseline.Reader {
	return &baseline.Reader{Screen: screen, Open: func() (*store.Store, error) { return storeOf(cmd, c) }}
}
