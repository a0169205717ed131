package help

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Add installs this help, and the command help, in a command and its subcommands.
func Add(root *cobra.Command) {
	write := func(w io.Writer, cmd *cobra.Command, all bool) {
		_, _ = io.WriteString(w, Text(cmd, all))
	}
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { write(cmd.OutOrStdout(), cmd, false) })
	root.SetUsageFunc(func(cmd *cobra.Command) error { write(cmd.OutOrStderr(), cmd, false); return nil })
	var all bool
	command := &cobra.Command{
		Use: "help [COMMAND]", Short: "Show the help of a command",
		Example: "  interlock help serve\n  interlock help --all probe",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range root.Commands() {
				if c.IsAvailableCommand() {
					names = append(names, c.Name()+"\t"+c.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err == nil && cmd == root && len(rest) > 0 {
				err = fmt.Errorf("unknown command %q; interlock help lists the commands", rest[0])
			}
			if err != nil {
				return err
			}
			write(c.OutOrStdout(), cmd, all)
			return nil
		},
	}
	command.Flags().BoolVar(&all, "all", false, "show rarely used flags too")
	root.SetHelpCommand(command)
}
