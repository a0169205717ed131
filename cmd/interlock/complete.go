package main

import (
	"github.com/spf13/cobra"
	"strings"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// describeCompletion puts the command that cobra brings in our words.
func describeCompletion(cmd *cobra.Command) {
	cmd.Short, cmd.Long = "Print a completion script for a shell", "Print a completion script for bash, zsh, fish or PowerShell. It completes flags, values, rules, probes, runs and exchanges."
	cmd.Example = "  source <(interlock completion bash)\n  interlock completion zsh > \"${fpath[1]}/_interlock\""
	for _, c := range cmd.Commands() {
		shell := c.Name()
		c.Short, c.Long = "Print the completion script for "+shell, ""
		c.Example = "  interlock completion " + shell + " > interlock." + shell
		if f := c.Flags().Lookup("no-descriptions"); f != nil {
			f.Usage = "complete names without descriptions"
		}
	}
}

// completer completes an argument or the value of a flag.
type completer = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective)

// complete completes the values of a flag.
func complete(cmd *cobra.Command, flag string, with completer) {
	if err := cmd.RegisterFlagCompletionFunc(flag, with); err != nil {
		panic(err) // the flag is not there: a mistake in the program
	}
}

// completeFixed completes the values of a flag that has few.
func completeFixed(cmd *cobra.Command, flag string, values ...string) {
	complete(cmd, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// completeRules completes the ID of a rule.
func completeRules(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var ids []string
	for _, r := range rules.All() {
		ids = append(ids, r.ID+"\t"+r.Title)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// completeRuns completes the ID of a run in the store. The file of a report will do as well.
func completeRuns(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	names := []string{"last\tthe latest complete run"}
	withStore(cmd, func(s *store.Store) {
		runs, err := s.Runs(cmd.Context())
		if err != nil {
			return
		}
		for i := range runs[:min(len(runs), mostCompleted)] {
			names = append(names, runs[i].ID+"\t"+strings.TrimSpace(runs[i].Command+" "+printed.Start(runs[i].Target, 60))+" "+runs[i].Began.Local().Format("2006-01-02 15:04"))
		}
	})
	return names, cobra.ShellCompDirectiveDefault
}

// completeExchanges completes the ID of an exchange in the store.
func completeExchanges(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	withStore(cmd, func(s *store.Store) {
		_ = s.Rulings(cmd.Context(), store.Query{Newest: true, Limit: mostCompleted}, func(r *rules.Ruling) error {
			names = append(names, r.X.ID+"\t"+r.Verdict.String()+" "+r.Endpoint)
			return nil
		})
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeEndpoints completes an endpoint that has findings in the store.
func completeEndpoints(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	withStore(cmd, func(s *store.Store) {
		all, err := s.Endpoints(cmd.Context())
		if err != nil {
			return
		}
		for i := range all[:min(len(all), mostCompleted)] {
			names = append(names, all[i].Endpoint)
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// mostCompleted is how many runs, exchanges or endpoints are offered.
const mostCompleted = 50

// withStore calls f with the store that a command would use, if it is there. It is silent: a shell is waiting.
func withStore(cmd *cobra.Command, f func(*store.Store)) {
	c := config.Defaults()
	s, err := storeOf(cmd, &c)
	if err != nil {
		return
	}
	defer s.Close()
	f(s)
}
