package help

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/interlock-proxy/interlock/internal/config"
)

// SuggestFlag adds similar flags to the error about an unknown flag.
func SuggestFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
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
