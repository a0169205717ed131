package main

import (
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/demo"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

func demoCommand() *cobra.Command {
	var (
		stay, ascii bool
		format      string
	)
	cmd := &cobra.Command{
		Use: "demo", Short: "show it all: sound and unsound backends, real clients, and what Interlock says of them", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return exit.Usage("--log: %q is neither text nor json", format)
			}
			out := terminal.NewOutput(cmd.OutOrStdout(), format, ascii)
			d := demo.Demo{Out: out}
			err := d.Run(cmd.Context(), stay)
			out.Close()
			if err != nil {
				return exit.Unknown("demo: %w", err)
			}
			return d.Report(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&stay, "stay", false, "keep serving behind the traffic, until a signal")
	cmd.Flags().BoolVar(&ascii, "ascii", false, "no symbols outside ASCII")
	cmd.Flags().StringVar(&format, "log", "text", "text or json")
	return cmd
}
