package main

import (
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/help"
)

// recordFlags add the flags of a command whose runs are kept, beside those of acceptFlags.
func recordFlags(cmd *cobra.Command, labels *[]string) {
	cmd.Flags().Lookup("store").Usage = "where the run is stored: `file`, PostgreSQL URL, memory"
	cmd.Flags().StringArrayVar(labels, "label", nil, "`K=V` label of the run")
	help.Group(cmd, help.Output, "label")
}
