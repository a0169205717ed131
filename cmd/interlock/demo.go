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
		Use: "demo", Short: "Show Interlock at work, with backends and clients of its own", Args: cobra.NoArgs,
		Example: "  interlock demo\n  interlock demo --stay",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return exit.Usage("--log: must be text or json, not %q", format)
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
	cmd.Flags().BoolVar(&stay, "stay", false, "keep running until Ctrl-C")
	asciiFlag(cmd, &ascii)
	cmd.Flags().StringVar(&format, "log", "text", "`format` of the log: text, json")
	completeFixed(cmd, "log", "text", "json")
	return cmd
}
