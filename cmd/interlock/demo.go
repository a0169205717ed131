package main

import (
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/demo"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

func demoCommand() *cobra.Command {
	var (
		stay, once, ascii bool
		admin, format     string
	)
	cmd := &cobra.Command{
		Use: "demo", Short: "Show Interlock at work, with backends and clients of its own", Args: cobra.NoArgs,
		Long: "Start a correct and a vulnerable backend, send traffic of real clients to both through Interlock,\n" +
			"and probe them. On a terminal the demo continues to run, and serves a page with all of it.",
		Example: "  interlock demo\n  interlock demo --once",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return exit.Usage("--log: must be text or json, not %q", format)
			}
			w := cmd.OutOrStdout()
			d := demo.Demo{Out: terminal.NewOutput(w, format, ascii)}
			if stay || terminal.IsTerminal(w) && !once {
				d.Admin = admin
			}
			defer d.Out.Close()
			if err := d.Run(cmd.Context(), w); err != nil {
				return exit.Unknown("demo: %w", err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&once, "once", false, "stop after the report, on a terminal too")
	f.BoolVar(&stay, "stay", false, "keep running until Ctrl-C, without a terminal too")
	f.StringVar(&admin, "admin", "127.0.0.1:9426", "serve the page at this `address`, or on a free port")
	asciiFlag(cmd, &ascii)
	f.StringVar(&format, "log", "text", "`format` of the log: text, json")
	cmd.MarkFlagsMutuallyExclusive("once", "stay")
	completeFixed(cmd, "log", "text", "json")
	return cmd
}
