package main

import (
	"io"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/outfile"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

// formats are the reports that a command writes, by name. A report may be colored.
type formats map[string]func(w io.Writer, color bool) error

// writeFormats writes all that the -o flags of a command ask for; text on the standard output if
// there are none.
func writeFormats(outputs []string, screen *terminal.Screen, all formats) error {
	if err := checkFormats(outputs, all); err != nil {
		return err
	}
	if len(outputs) == 0 {
		outputs = []string{"text"}
	}
	for _, o := range outputs {
		format, name, _ := strings.Cut(o, "=")
		if name == "" {
			name = "-"
		}
		if err := writeFormat(name, screen, all[format]); err != nil {
			return exit.Unknown("-o %s: %w", o, err)
		}
	}
	return nil
}

// checkFormats checks the -o flags of a command.
func checkFormats(outputs []string, all formats) error {
	var taken []string
	for _, o := range outputs {
		format, name, hasFile := strings.Cut(o, "=")
		if name == "" && !hasFile {
			name = "-"
		}
		switch {
		case all[format] == nil:
			return exit.Usage("-o %s: no format %q; use text or json", o, format)
		case name == "":
			return exit.Usage("-o %s: the name of the file is missing", o)
		case slices.Contains(taken, name):
			return exit.Usage("-o %s: another report goes there already", o)
		}
		taken = append(taken, name)
	}
	return nil
}

// writeFormat writes one report to a file, or to the standard output.
func writeFormat(name string, screen *terminal.Screen, format func(w io.Writer, color bool) error) error {
	if name == "-" {
		return format(screen, screen.Colored())
	}
	file, err := outfile.Create(name)
	if err != nil {
		return err
	}
	return file.Keep(format(file, false))
}
