package main

import (
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/internal/run"
)

func labCommand() *cobra.Command {
	var listen, backend string
	cmd := &cobra.Command{
		Use: "lab [NAME]", Short: "Run a small backend or proxy to test against", Args: cobra.MaximumNArgs(1),
		Long:    "Run a small backend to test against, or with --backend a proxy in front of one. Without a name, list them.",
		Example: "  interlock lab\n  interlock lab unsound --listen 127.0.0.1:3000\n  interlock lab h2-forwards-early --listen 127.0.0.1:8080 --backend 127.0.0.1:9555",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, b := range lab.EveryBackend() {
				names = append(names, b.Name+"\t"+b.About)
			}
			if backend != "" {
				names = nil
				for _, p := range lab.Proxies() {
					names = append(names, p.Name+"\t"+p.About)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return run.ListLab(cmd.OutOrStdout())
			}
			return run.Lab(cmd.Context(), cmd.OutOrStdout(), args[0], listen, backend)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:3000", "`address` to listen on")
	cmd.Flags().StringVar(&backend, "backend", "", "run a proxy in front of this `address`")
	return cmd
}
