package main

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
)

func initCommand() *cobra.Command {
	var full, schema bool
	var backend string
	cmd := &cobra.Command{
		Use: "init [FILE]", Short: "Write a configuration file to begin with", Args: cobra.MaximumNArgs(1),
		Long: "Write a short configuration with comments, to interlock.yaml unless FILE says otherwise. An existing file is never\n" +
			"overwritten; - is standard output.",
		Example: "  interlock init --backend http://127.0.0.1:3000\n" +
			"  interlock init --full -                 # every key with its default\n" +
			"  interlock init --schema interlock.schema.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			name, text := "interlock.yaml", config.Minimal(backend)
			switch {
			case schema:
				name, text = "interlock.schema.json", string(config.Schema())
			case full:
				text = config.Annotated()
			}
			if len(args) == 1 {
				name = args[0]
			}
			if _, _, err := config.BackendAddresses(backend); err != nil {
				return exit.Usage("--backend: %w", err)
			}
			return writeConfig(cmd, name, text)
		},
	}
	f := cmd.Flags()
	f.StringVar(&backend, "backend", "http://127.0.0.1:3000", "`URL` of the backend")
	f.BoolVar(&full, "full", false, "every key with its default")
	f.BoolVar(&schema, "schema", false, "a JSON schema for editors")
	cmd.MarkFlagsMutuallyExclusive("full", "schema")
	cmd.MarkFlagsMutuallyExclusive("backend", "schema")
	cmd.MarkFlagsMutuallyExclusive("backend", "full")
	return cmd
}

// writeConfig writes a file that does not exist yet, or to standard output.
func writeConfig(cmd *cobra.Command, name, text string) error {
	if name == "-" {
		_, err := io.WriteString(cmd.OutOrStdout(), text)
		return err
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return exit.Usage("%s exists already; name another file, or - for standard output", name)
	}
	if err != nil {
		return exit.Usage("write configuration: %w", err)
	}
	_, err = io.WriteString(file, text)
	if err = errors.Join(err, file.Close()); err != nil {
		return exit.Unknown("write configuration: %w", err)
	}
	cmd.Printf("wrote %s\n", name)
	return nil
}
