package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/printed"
)

func checkCommand() *cobra.Command {
	var origins bool
	cmd := &cobra.Command{
		Use: "check [FILE]", Short: "Validate a configuration and show what it does", Args: cobra.MaximumNArgs(1),
		Long: "Validate a configuration the way serve reads it: the file, INTERLOCK_ variables, flags.",
		Example: "  interlock check interlock.yaml\n" +
			"  interlock check --print interlock.yaml\n" +
			"  interlock check --backend http://127.0.0.1:3000 --listen 127.0.0.1:8080",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if err := cmd.Flags().Set("config", args[0]); err != nil {
					return err
				}
			}
			c, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			for name := range config.Misspelt(os.Environ()) {
				fmt.Fprintf(cmd.ErrOrStderr(), "interlock: %s is not a variable of Interlock\n", name)
			}
			for i := range c.Accepted {
				if e := &c.Accepted[i]; e.Expired(time.Now()) {
					fmt.Fprintln(cmd.ErrOrStderr(), "interlock: "+e.Remark())
				}
			}
			if origins {
				return printSettings(cmd.OutOrStdout(), &c)
			}
			return printSummary(cmd.OutOrStdout(), &c)
		},
	}
	configFlags(cmd)
	cmd.Flags().BoolVar(&origins, "print", false, "print every value with its origin")
	return cmd
}

// printSummary describes a configuration.
func printSummary(w io.Writer, c *config.Config) error {
	fmt.Fprintf(w, "ok: %s in front of %s\n", c.Listen, c.Backend)
	for _, line := range c.Summary(time.Now()) {
		if _, err := fmt.Fprintf(w, "  %-9s %s\n", line.What, printed.Line(line.Text)); err != nil {
			return err
		}
	}
	return nil
}

// printSettings prints every value, without secrets, and where it comes from.
func printSettings(w io.Writer, c *config.Config) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tVALUE\tORIGIN")
	for _, s := range c.Settings() {
		value := printed.Line(s.Shown())
		if value == "" {
			value = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Key, value, c.Origin.Source(s.Key))
	}
	return table.Flush()
}
