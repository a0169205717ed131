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
		Use:     "serve --backend URL",
		Short:   "stand in front of a backend and judge its upgrade exchanges",
		Example: "  interlock serve --backend http://127.0.0.1:3000\n  interlock serve --config configs/interlock.yaml",
		Args:    cobra.NoArgs,
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
	cmd.Flags().BoolVar(&ascii, "ascii", false, "no symbols outside ASCII")
	return cmd
}
