package help

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/printed"
)

// CheckArguments makes all commands say which arguments they take when their number is wrong.
func CheckArguments(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		CheckArguments(cmd)
		check := cmd.Args
		if check == nil {
			continue
		}
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			if err == nil || !strings.Contains(err.Error(), "arg(s)") {
				return err
			}
			return fmt.Errorf("%s given; usage: %s", printed.Count(len(args), "argument"), cmd.UseLine())
		}
	}
}
