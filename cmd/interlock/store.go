package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/store"
)

func storeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "store", Short: "List, export, import and delete stored results", Args: cobra.NoArgs,
		Example: "  interlock store runs\n  interlock store export backup.ndjson",
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(runsCommand(), exportCommand(), importCommand(), pruneCommand())
	return cmd
}

func exportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "export [FILE]", Short: "Write the store as NDJSON to a file or standard output", Args: cobra.MaximumNArgs(1),
		Example: "  interlock store export backup.ndjson\n  interlock store export | gzip > backup.ndjson.gz",
		RunE: func(cmd *cobra.Command, args []string) error {
			c := config.Defaults()
			s, err := storeOf(cmd, &c)
			if err != nil {
				return err
			}
			defer s.Close()
			out := cmd.OutOrStdout()
			if len(args) == 1 {
				file, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
				if err != nil {
					return exit.Usage("export: %w", err)
				}
				w := bufio.NewWriter(file)
				err = s.Export(cmd.Context(), w)
				for _, next := range []func() error{w.Flush, file.Close} {
					if failed := next(); err == nil {
						err = failed
					}
				}
				if err != nil {
					return exit.Unknown("export: %w", err)
				}
				return nil
			}
			if err := s.Export(cmd.Context(), out); err != nil {
				return exit.Unknown("export: %w", err)
			}
			return nil
		},
	}
	storeFlags(cmd)
	return cmd
}

func importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Read an export into the store; - is standard input", Args: cobra.ExactArgs(1),
		Example: "  interlock store import backup.ndjson\n  zcat backup.ndjson.gz | interlock store import -",
		RunE: func(cmd *cobra.Command, args []string) error {
			var in io.Reader = cmd.InOrStdin()
			if args[0] != "-" {
				file, err := os.Open(args[0])
				if err != nil {
					return exit.Usage("import: %w", err)
				}
				defer file.Close()
				in = file
			}
			c := config.Defaults()
			storeFlag(cmd, &c)
			s, err := config.OpenStore(cmd.Context(), &c, store.Options{})
			if err != nil {
				return err
			}
			defer s.Close()
			n, err := s.Import(cmd.Context(), in)
			if err != nil {
				return exit.Unknown("import %q: %w", args[0], err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%+v\n", n)
			return err
		},
	}
	storeFlags(cmd)
	return cmd
}

func pruneCommand() *cobra.Command {
	var limits store.Limits
	cmd := &cobra.Command{
		Use: "prune", Short: "Delete old exchanges now", Args: cobra.NoArgs,
		Example: "  interlock store prune --age 168h",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := config.Defaults()
			s, err := storeOf(cmd, &c)
			if err != nil {
				return err
			}
			defer s.Close()
			p, err := s.Prune(cmd.Context(), limits)
			if err != nil {
				return exit.Unknown("prune: %w", err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "deleted %s, %d bytes\n", printed.Count(int(p.Exchanges), "exchange"), p.Bytes)
			return err
		},
	}
	f := cmd.Flags()
	f.DurationVar(&limits.Age, "age", 0, "`duration` to keep (default 720h)")
	f.Int64Var(&limits.Count, "count", 0, "exchanges to keep (default no limit)")
	f.Int64Var(&limits.Bytes, "bytes", 0, "largest size of the store in bytes (default 1 GiB)")
	storeFlags(cmd)
	return cmd
}
