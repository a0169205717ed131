package help

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/interlock-proxy/interlock/internal/config"
)

// SuggestFlag adds similar flags to the error about an unknown flag, and says how a duration is written.
func SuggestFlag(cmd *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		invalid *pflag.InvalidValueError
	)
	if errors.As(err, &invalid) && invalid.GetFlag().Value.Type() == "duration" {
		return fmt.Errorf("--%s: %q is not a duration: write a number with its unit, such as 3s or 2m", invalid.GetFlag().Name, invalid.GetValue())
	}
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return fmt.Errorf("%w; interlock help %s lists the flags", err, strings.TrimPrefix(cmd.CommandPath(), "interlock "))
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	meant := config.Nearest(unknown.GetSpecifiedName(), names)
	if len(meant) == 0 {
		return fmt.Errorf("%w; interlock help %s lists the flags", err, strings.TrimPrefix(cmd.CommandPath(), "interlock "))
	}
	return fmt.Errorf("%w; did you mean --%s?", err, strings.Join(meant, " or --"))
}
