package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/help"
)

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIRECTORY", Short: "Write man pages for all commands", Args: cobra.ExactArgs(1),
		Example: "  interlock man ./man1 && man ./man1/interlock-serve.1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return exit.Usage("write man pages: %w", err)
			}
			for name, text := range help.ManPages(cmd.Root()) {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil { //nolint:gosec // pages are public
					return exit.Unknown("write man pages: %w", err)
				}
			}
			return nil
		},
	}
}
