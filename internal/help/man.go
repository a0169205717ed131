package help

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/version"
)

// visible returns a command and its visible subcommands, in the order of help.
func visible(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" {
			all = append(all, visible(c)...)
		}
	}
	return all
}

// ManPages returns the man pages of a command and its subcommands, by file name.
func ManPages(root *cobra.Command) map[string]string {
	pages := map[string]string{}
	for _, cmd := range visible(root) {
		pages[strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1"] = manPage(cmd)
	}
	return pages
}

// manPage is the page of a command.
func manPage(cmd *cobra.Command) string {
	var b strings.Builder
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"interlock %s\" \"User Commands\"\n", roff(strings.ToUpper(name)), version.Read().Version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n", roff(name), roff(cmd.Short))
	for _, line := range usageLines(cmd) {
		fmt.Fprintf(&b, ".B %s\n.br\n", roff(line))
	}
	fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", roff(about(cmd)))
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" {
			fmt.Fprintf(&b, ".TP\n.BR %s (1)\n%s.\n", roff(strings.ReplaceAll(c.CommandPath(), " ", "-")), roff(c.Short))
		}
	}
	for _, heading := range headings() {
		flags := flagsOf(cmd, heading, true)
		if len(flags) == 0 {
			continue
		}
		fmt.Fprintf(&b, ".SH %q\n", strings.ToUpper(heading))
		for _, f := range flags {
			written, text := flagLine(f)
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(strings.TrimSpace(written)), roff(text))
		}
	}
	if names := variables(cmd); len(names) > 0 {
		fmt.Fprintf(&b, ".SH ENVIRONMENT\n%s\n", roff(strings.Join(names, ", ")+"."))
	}
	fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(cmd.Example))
	b.WriteString(".SH \"EXIT STATUS\"\n0 nothing failed, 1 findings, 2 usage or configuration, 3 could not tell.\n")
	return b.String()
}

// roff escapes text for a man page.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n.", "\n\\&.", "\n'", "\n\\&'").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
