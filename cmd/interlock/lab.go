package main

import (
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/lab"
)

func labCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use: "lab [NAME]", Short: "Run a small backend to test against", Args: cobra.MaximumNArgs(1),
		Long:    "Run a small backend to test against. Without a name, list them.",
		Example: "  interlock lab\n  interlock lab unsound --listen 127.0.0.1:3000",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, b := range slices.Concat(lab.Backends(), lab.H2Backends()) {
				names = append(names, b.Name+"\t"+b.About)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listLab(cmd)
			}
			if _, err := lab.Find(args[0]); err != nil {
				return exit.Usage("%w; interlock lab lists them", err)
			}
			server, err := lab.Listen(args[0], listen)
			if err != nil {
				return exit.Usage("%w", err)
			}
			defer server.Close()
			fmt.Fprintf(cmd.OutOrStdout(), "%s (%s) on %s\n", server.Backend.Name, server.Backend.About, server.URL)
			<-cmd.Context().Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:3000", "`address` to listen on")
	return cmd
}

func listLab(cmd *cobra.Command) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, b := range slices.Concat(lab.Backends(), lab.H2Backends()) {
		kind := "unsound"
		switch {
		case b.Hostile:
			kind = "hostile"
		case b.Sound:
			kind = "sound"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", b.Name, kind, b.About)
	}
	return w.Flush()
}
