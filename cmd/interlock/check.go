package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "check [FILE]", Short: "validate a configuration", Args: cobra.MaximumNArgs(1),
		Long: "Validate a configuration as serve would read it: the file, the INTERLOCK_ variables, the flags.",
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
			for i := range c.Accepted {
				if e := &c.Accepted[i]; e.Expired(time.Now()) {
					fmt.Fprintln(cmd.ErrOrStderr(), "interlock: "+e.Remark())
				}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "ok: %s in front of %s\n", c.Listen, c.Backend)
			return err
		},
	}
	configFlags(cmd)
	return cmd
}
