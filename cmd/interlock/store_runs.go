package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/wire"
)

func runsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "runs", Short: "List stored runs, newest first", Args: cobra.NoArgs,
		Example: "  interlock store runs\n  interlock store runs --store postgres://user@host/database",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := config.Defaults()
			s, err := storeOf(cmd, &c)
			if err != nil {
				return err
			}
			defer s.Close()
			runs, err := s.Runs(cmd.Context())
			if err != nil {
				return exit.Unknown("%w", err)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "RUN\tBEGAN\tTOOK\tCOMMAND\tTARGET\tFAIL\tWARN\tPASS\tLABELS")
			for i := range runs {
				fmt.Fprintln(table, runLine(&runs[i]))
			}
			return table.Flush()
		},
	}
	storeFlags(cmd)
	return cmd
}

// runLine is a run in one line of a table.
func runLine(r *store.Run) string {
	took := "not ended"
	if !r.Ended.IsZero() {
		took = r.Ended.Sub(r.Began).Round(time.Millisecond).String()
		if r.Stopped {
			took += ", stopped"
		}
	}
	var labels []string
	for _, key := range slices.Sorted(maps.Keys(r.Labels)) {
		labels = append(labels, key+"="+r.Labels[key])
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s", r.ID, r.Began.UTC().Format(time.DateTime), took, wire.Escape([]byte(r.Command)), printed.Start(wire.Escape([]byte(cmp.Or(r.Target, "-"))), 80),
		r.Summary["fail"], r.Summary["warn"], r.Summary["pass"], wire.Escape([]byte(strings.Join(labels, " "))))
}
