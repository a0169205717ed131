package help

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// CommandsPage returns the reference of a command and its subcommands, in Markdown.
func CommandsPage(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Command reference\n\nThis page is generated from the program (`go test ./cmd/interlock -update`). `interlock man DIRECTORY` writes the same as man pages, `interlock help COMMAND` prints it. " +
		"The exit status of every command is 0 if nothing failed, 1 for findings, 2 for a mistake in usage or configuration, 3 if Interlock could not tell.\n")
	for _, cmd := range visible(root) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n```text\n%s\n```\n\n", cmd.CommandPath(), about(cmd), strings.Join(usageLines(cmd), "\n"))
		if cmd.HasAvailableSubCommands() {
			for _, c := range cmd.Commands() {
				if c.IsAvailableCommand() && c.Name() != "help" {
					fmt.Fprintf(&b, "- [%s](#%s): %s\n", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"), c.Short)
				}
			}
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "```sh\n%s\n```\n", unindent(cmd.Example))
		for _, heading := range headings() {
			flags := flagsOf(cmd, heading, true)
			if len(flags) == 0 {
				continue
			}
			fmt.Fprintf(&b, "\n| %s | |\n|---|---|\n", heading)
			for _, f := range flags {
				written, text := flagLine(f)
				if name := annotation(f, hasVariable); name != "" {
					text += ". Variable: `" + name + "`"
				}
				fmt.Fprintf(&b, "| `%s` | %s |\n", strings.TrimSpace(written), strings.ReplaceAll(text, "|", `\|`))
			}
		}
	}
	return b.String()
}

// unindent takes the indentation of examples away.
func unindent(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "  "), "\n  ", "\n")
}
