package main

import (
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

func serveCommand() *cobra.Command {
	var ascii bool
	cmd := &cobra.Command{
		Use:   "serve --backend URL",
		Short: "Audit live traffic: run the proxy in front of a backend",
		Example: "  interlock serve --backend http://127.0.0.1:3000\n" +
			"  interlock serve --backend https://staging.example --host staging.example --guard unsafe\n" +
			"  interlock serve --config interlock.yaml",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			out := terminal.NewOutput(cmd.OutOrStdout(), c.Log, ascii)
			defer out.Close()
			return server.Serve(cmd.Context(), c, out, func() (config.Config, error) { return loadConfig(cmd) })
		},
	}
	configFlags(cmd)
	asciiFlag(cmd, &ascii)
	return cmd
}
