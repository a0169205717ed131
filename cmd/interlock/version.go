package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/version"
)

func versionCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Long:    "Print the version, the commit and its date, and the Go version of this build.",
		Example: "  interlock version\n  interlock version -o json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := version.Read()
			switch output {
			case "text":
				_, err := fmt.Fprintln(cmd.OutOrStdout(), versionLine())
				return err
			case "json":
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(b)
			}
			return exit.Usage("-o: must be text or json, not %q", output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "`format`: text, json")
	completeFixed(cmd, "output", "text", "json")
	return cmd
}

// versionLine is the version in one line.
func versionLine() string {
	return fmt.Sprintf("interlock %s %s %s/%s", version.String(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
