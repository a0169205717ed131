// Package help writes the help of commands: for a terminal, as man pages, and as the reference in
// docs/commands.md. [Group], [Rare] and [Variable] set how the flags of a command are shown.
package help

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/interlock-proxy/interlock/internal/config"
)

// Annotations of flags.
const (
	inGroup = "interlock_group" // the heading of the flag in help
	isRare  = "interlock_rare"  // only help --all and the reference show the flag

	hasVariable = "interlock_variable" // the environment variable of a flag
)

// The headings of flags, in the order of help.
const (
	Target      = "Target"
	Select      = "What to select"
	Send        = "What to send"
	Credentials = "Credentials and TLS"
	Limits      = "Limits"
	Judge       = "Rules and exit status"
	Output      = "Output"
	Settings    = "Other"
)

func headings() []string {
	return []string{Target, Select, Send, Credentials, Limits, Judge, Output, Settings}
}

// Group puts flags under a heading of help.
func Group(cmd *cobra.Command, heading string, names ...string) {
	for _, name := range names {
		annotate(cmd, name, inGroup, heading)
	}
}

// Rare keeps flags out of short help.
func Rare(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		annotate(cmd, name, isRare, "true")
	}
}

func annotate(cmd *cobra.Command, name, key, value string) {
	for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
		if set.Lookup(name) != nil {
			if err := set.SetAnnotation(name, key, []string{value}); err != nil {
				panic(err)
			}
			return
		}
	}
	panic("there is no flag --" + name) // a mistake in the program
}

// Variable marks flags that have an environment variable.
func Variable(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		annotate(cmd, name, hasVariable, config.Variable(name))
	}
}

// annotation is the value of an annotation; empty if the flag does not have it.
func annotation(f *pflag.Flag, key string) string {
	if values := f.Annotations[key]; len(values) > 0 {
		return values[0]
	}
	return ""
}
