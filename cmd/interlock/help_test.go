package main

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/interlock-proxy/interlock/internal/help"
)

// eachCommand calls f with every command that help shows.
func eachCommand(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			eachCommand(c, f)
		}
	}
}

// banned matches idioms that must not appear in the program's texts.
var banned = regexp.MustCompile(`(?i) behind the| is no |tells whether|what came|stands in|nobody|sound handshake|field line`)

// TestHelpFitsAScreen checks that the help of every command has at most 100 columns and 60 lines,
// has examples, and is in plain words.
func TestHelpFitsAScreen(t *testing.T) {
	seen := 0
	eachCommand(command(), func(cmd *cobra.Command) {
		seen++
		text := help.Text(cmd, false)
		lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
		if len(lines) > 60 {
			t.Errorf("%s: %d lines", cmd.CommandPath(), len(lines))
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > help.Width {
				t.Errorf("%s: %d columns: %s", cmd.CommandPath(), n, line)
			}
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		if first, _ := utf8.DecodeRuneInString(cmd.Short); !unicode.IsUpper(first) || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: %q is not written as a sentence without a period", cmd.CommandPath(), cmd.Short)
		}
		if found := banned.FindString(help.Text(cmd, true)); found != "" {
			t.Errorf("%s: %q", cmd.CommandPath(), found)
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if _, usage := pflag.UnquoteUsage(f); utf8.RuneCountInString(usage) > 60 {
				t.Errorf("%s --%s: %d characters: %s", cmd.CommandPath(), f.Name, utf8.RuneCountInString(usage), usage)
			}
		})
	})
	if seen < 20 {
		t.Errorf("got %d commands, want more", seen)
	}
}

// TestEnumeratedFlagsAreCompleted checks that each flag with a fixed set of values, or with the
// name of something that the program knows, has a completion.
func TestEnumeratedFlagsAreCompleted(t *testing.T) {
	named := []string{"SEVERITY", "FORMAT", "FORMAT[=FILE]", "MODE", "WHAT", "VERDICT", "ORIGIN", "PROTOCOL", "PROTOCOLS", "RULES", "RULE", "RUN", "PROBE", "PROBES", "ENDPOINT"}
	seen := 0
	eachCommand(command(), func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			value, usage := pflag.UnquoteUsage(f)
			if !slices.Contains(named, strings.ToUpper(value)) {
				return
			}
			seen++
			if _, ok := cmd.GetFlagCompletionFunc(f.Name); !ok {
				t.Errorf("%s --%s (%s) is not completed", cmd.CommandPath(), f.Name, usage)
			}
		})
	})
	if seen < 25 {
		t.Errorf("got %d flags, want more", seen)
	}
}

var update = flag.Bool("update", false, "write docs/commands.md")

// TestTheCommandReferenceIsThatOfTheProgram compares docs/commands.md with the commands. Write the
// file with: go test ./cmd/interlock -update
func TestTheCommandReferenceIsThatOfTheProgram(t *testing.T) {
	const name = "../../docs/commands.md"
	want := help.CommandsPage(command())
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if read(t, name) != want {
		t.Errorf("%s is not what the program says", name)
	}
}

// TestManPagesAreRoff checks that every page has its sections, and no text line that a formatter
// would take for a request.
func TestManPagesAreRoff(t *testing.T) {
	pages := help.ManPages(command())
	if len(pages) < 20 || pages["interlock-store-runs.1"] == "" {
		t.Errorf("got %d pages", len(pages))
	}
	request := regexp.MustCompile(`^\.(TH|SH|TP|BR|B|br|nf|fi)\b`)
	for name, text := range pages {
		for _, section := range []string{".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n", ".SH EXAMPLES\n"} {
			if strings.Count(text, section) != 1 {
				t.Errorf("%s: %d times %q", name, strings.Count(text, section), section)
			}
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, ".") && !request.MatchString(line) || strings.HasPrefix(line, "'") {
				t.Errorf("%s: %q", name, line)
			}
		}
	}
}

// TestExamplesInHelpAreCommandLines checks that the commands and flags of every example exist.
func TestExamplesInHelpAreCommandLines(t *testing.T) {
	eachCommand(command(), func(cmd *cobra.Command) {
		for _, words := range (block{name: "help of " + cmd.CommandPath(), text: cmd.Example}).commands() {
			if err := checkCommandLine(words); err != nil {
				t.Errorf("%s: interlock %s: %v", cmd.CommandPath(), strings.Join(words, " "), err)
			}
		}
	})
}
