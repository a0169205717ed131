package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/version"
)

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIRECTORY", Short: "Write man pages for all commands", Args: cobra.ExactArgs(1),
		Example: "  interlock man ./man1 && man ./man1/interlock-serve.1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return exit.Usage("write man pages: %w", err)
			}
			for name, text := range manPages(cmd.Root()) {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil { //nolint:gosec // pages are public
					return exit.Unknown("write man pages: %w", err)
				}
			}
			return nil
		},
	}
}

// visible are a command and those in it that help shows, in the order of help.
func visible(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" {
			all = append(all, visible(c)...)
		}
	}
	return all
}

// manPages are the pages by the names of their files.
func manPages(root *cobra.Command) map[string]string {
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
	for _, heading := range groups() {
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

// commandsPage is the reference of all commands, in Markdown.
func commandsPage(root *cobra.Command) string {
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
		for _, heading := range groups() {
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
				fmt.Fprintf(&b, "| `%s` | %s |\n", strings.TrimSpace(written), cell(text))
			}
		}
	}
	return b.String()
}

// about returns the description of a command, in sentences.
func about(cmd *cobra.Command) string {
	if cmd.Long != "" {
		return strings.ReplaceAll(cmd.Long, "\n", " ")
	}
	return cmd.Short + "."
}

// unindent takes the indentation of examples away.
func unindent(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "  "), "\n  ", "\n")
}
