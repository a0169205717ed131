package main

import (
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
)

// recordFlags add the flags of a command whose runs are kept, beside those of acceptFlags.
func recordFlags(cmd *cobra.Command, labels *[]string) {
	cmd.Flags().Lookup("store").Usage = "where the run is kept, and runs that --baseline names are: a file, a DSN such as postgres://user@host/database, or memory, which keeps nothing (" +
		config.Variable("store") + "; default as for serve)"
	cmd.Flags().StringArrayVar(labels, "label", nil, "K=V that the run is known by, several times")
}
