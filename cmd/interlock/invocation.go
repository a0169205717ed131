package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
)

// openFlags are flags whose values are never secrets. Reports show those of no other flag.
func openFlags() []string {
	return []string{
		"accept", "accept-new", "authorized", "backend", "baseline", "concurrency", "config", "direct", "endpoint", "exit", "fail-on", "host", "listen", "live",
		"http", "location", "only", "origin", "output", "probe", "profile", "protocol", "rate-limit", "release", "route", "rule", "run", "severity", "since", "skip",
		"shared", "sni", "status", "targets", "timeout", "unsafe", "verdict", "via", "wait",
	}
}

// commandLine is the command line of a command without secrets: of flags whose values can be secrets
// only the names, of URLs no user information and no secret parameters, of another program only its
// name.
func commandLine(cmd *cobra.Command) string {
	words := strings.Fields(cmd.CommandPath())
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch values := valuesOf(f); {
		case f.Value.Type() == "bool":
			words = append(words, "--"+f.Name)
		case slices.Contains(openFlags(), f.Name):
			for _, value := range values {
				words = append(words, "--"+f.Name, shownWord(value))
			}
		default:
			words = append(words, "--"+f.Name, "...")
		}
	})
	args := cmd.Flags().Args()
	if dash := cmd.ArgsLenAtDash(); dash >= 0 && dash < len(args) {
		args = append(slices.Clone(args[:dash]), "--", args[dash])
	}
	for _, arg := range args {
		words = append(words, shownWord(arg))
	}
	return strings.Join(words, " ")
}

// valuesOf are the values that a flag was given.
func valuesOf(f *pflag.Flag) []string {
	if all, ok := f.Value.(pflag.SliceValue); ok {
		return all.GetSlice()
	}
	return []string{f.Value.String()}
}

// shownWord is a word of a command line as it may be shown.
func shownWord(text string) string {
	if strings.Contains(text, "://") {
		text = rules.Redaction{}.Target(text)
	}
	return printed.Escaped(text, 200)
}

// target is what a command was asked about: its arguments, or the backend.
func target(cmd *cobra.Command, backend string) string {
	args := cmd.Flags().Args()
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		args = args[:dash]
	}
	if len(args) == 0 {
		args = []string{backend}
	}
	var shown []string
	for _, arg := range args {
		if arg != "" {
			shown = append(shown, shownWord(arg))
		}
	}
	return strings.Join(shown, ", ")
}
