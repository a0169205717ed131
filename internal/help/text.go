package help

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/printed"
)

// Width is the maximum length of lines of help.
const Width = 100

// flagsOf returns the flags of a command under a heading, by name.
func flagsOf(cmd *cobra.Command, heading string, all bool) (found []*pflag.Flag) {
	cmd.InitDefaultHelpFlag()
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		is := annotation(f, inGroup)
		if is == "" {
			is = Settings
		}
		if is == heading && !f.Hidden && f.Name != "help" && f.Name != "version" && (all || annotation(f, isRare) == "") {
			found = append(found, f)
		}
	})
	for _, f := range inherited(cmd) {
		if heading == Settings {
			found = append(found, f)
		}
	}
	return found
}

// inherited returns the flags that a command inherits from its parent.
func inherited(cmd *cobra.Command) (found []*pflag.Flag) {
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			found = append(found, f)
		}
	})
	return found
}

// flagLine returns a flag in two columns: its syntax and its help.
func flagLine(f *pflag.Flag) (name, text string) {
	value, text := pflag.UnquoteUsage(f)
	name = "    --" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", --" + f.Name
	}
	if value != "" {
		name += " " + strings.ToUpper(value)
	}
	return name, text + defaultOf(f)
}

// defaultOf returns the default of a flag in parentheses; empty if it need not be shown.
func defaultOf(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "false", "0", "0s", "[]":
		return ""
	}
	return " (default " + f.DefValue + ")"
}

// Text returns the help of a command: a sentence, usage, examples, flags by group. With all, rare
// flags are included.
func Text(cmd *cobra.Command, all bool) string {
	var b strings.Builder
	b.WriteString(strings.Join(printed.Wrap(about(cmd), Width), "\n") + "\n\nUsage:\n")
	for _, line := range usageLines(cmd) {
		b.WriteString("  " + line + "\n")
	}
	if cmd.Example != "" {
		b.WriteString("\nExamples:\n" + cmd.Example + "\n")
	}
	writeCommands(&b, cmd)
	hidden := writeFlags(&b, cmd, all)
	if hidden {
		fmt.Fprintf(&b, "\nMore flags: interlock help --all %s\n", strings.TrimPrefix(cmd.CommandPath(), "interlock "))
	}
	writeVariables(&b, cmd)
	return b.String()
}

// usageLines returns the forms in which a command can be called.
func usageLines(cmd *cobra.Command) (lines []string) {
	if cmd.HasAvailableSubCommands() {
		return []string{cmd.CommandPath() + " COMMAND"}
	}
	use := cmd.UseLine()
	if !strings.Contains(use, "[flags]") && cmd.HasAvailableLocalFlags() {
		use += " [flags]"
	}
	return []string{use}
}

// variables returns the environment variables of the flags of a command.
func variables(cmd *cobra.Command) (names []string) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if name := annotation(f, hasVariable); name != "" {
			names = append(names, name)
		}
	})
	return names
}

// writeCommands lists the subcommands of a command.
func writeCommands(b *strings.Builder, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	b.WriteString("\nCommands:\n")
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			fmt.Fprintf(b, "  %-12s %s\n", c.Name(), c.Short)
		}
	}
}

// writeFlags writes the flags by group, and reports whether it left some out.
func writeFlags(b *strings.Builder, cmd *cobra.Command, all bool) (hidden bool) {
	width := 0
	for _, heading := range headings() {
		for _, f := range flagsOf(cmd, heading, all) {
			name, _ := flagLine(f)
			width = max(width, len(name))
		}
		hidden = hidden || len(flagsOf(cmd, heading, true)) > len(flagsOf(cmd, heading, all))
	}
	for _, heading := range headings() {
		flags := flagsOf(cmd, heading, all)
		if len(flags) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n%s:\n", heading)
		for _, f := range flags {
			name, text := flagLine(f)
			fmt.Fprintf(b, "  %-*s  %s\n", width, name, text)
		}
	}
	return hidden
}

// writeVariables describes which flags can be given as variables.
func writeVariables(b *strings.Builder, cmd *cobra.Command) {
	with, without := variables(cmd), []string(nil)
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden && f.Name != "help" && annotation(f, hasVariable) == "" {
			without = append(without, "--"+f.Name)
		}
	})
	switch {
	case len(with) == 0:
	case len(with) > len(without) && len(without) > 0:
		fmt.Fprintf(b, "\nVariables: --backend is %s, and so on for all flags but %s.\n", config.Variable("backend"), strings.Join(without, ", "))
	default:
		b.WriteString("\n" + strings.Join(printed.Wrap("Variables: "+strings.Join(with, ", ")+".", Width), "\n") + "\n")
	}
}

// about returns the description of a command, in sentences.
func about(cmd *cobra.Command) string {
	if cmd.Long != "" {
		return strings.ReplaceAll(cmd.Long, "\n", " ")
	}
	return cmd.Short + "."
}
