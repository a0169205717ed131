package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/run"
)

// TestTheExamplesForCIAreCommandLines checks that the examples are valid YAML, and that every
// interlock command line in them has only existing flags, formats and values.
func TestTheExamplesForCIAreCommandLines(t *testing.T) {
	for _, name := range []string{"gitlab.yml"} { // the other one uses action.yml
		var document any
		if err := yaml.UnmarshalWithOptions([]byte(read(t, filepath.Join("../../deploy/ci", name))), &document, yaml.Strict()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		lines := commandLines(document)
		if len(lines) != 1 {
			t.Errorf("%s: got %d command lines of interlock run, want 1", name, len(lines))
		}
		for _, line := range lines {
			checkRun(t, name, line)
		}
	}
}

// commandLines returns the command lines in a document that run interlock.
func commandLines(v any) (all [][]string) {
	switch v := v.(type) {
	case map[string]any:
		for _, each := range v {
			all = append(all, commandLines(each)...)
		}
	case []any:
		for _, each := range v {
			all = append(all, commandLines(each)...)
		}
	case string:
		if words := strings.Fields(v); len(words) > 1 && words[0] == "interlock" {
			all = append(all, words)
		}
	}
	return all
}

// checkRun parses a command line as the program would, without running anything.
func checkRun(t *testing.T, name string, words []string) {
	t.Helper()
	if words[1] != "run" {
		t.Fatalf("%s: got %q, want interlock run", name, words)
	}
	f := new(run.Flags)
	cmd := runCommand()
	cmd.ResetFlags()
	addRunFlags(cmd, f)
	if err := cmd.ParseFlags(words[2:]); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if err := f.Check(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if c, _, err := loadRun(cmd); err != nil || c.Backend == "" {
		t.Errorf("%s: %v, backend %q", name, err, c.Backend)
	}
	if args := cmd.Flags().Args(); cmd.ArgsLenAtDash() != 0 || len(args) == 0 {
		t.Errorf("%s: got %q, want a command after --", name, args)
	}
	for _, o := range f.Outputs {
		format, _, _ := strings.Cut(o, "=")
		if _, err := report.Find(format); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !slices.Contains(f.Env, "CHAT_URL=ws://{addr}/chat") {
		t.Errorf("%s: got %q, want an address among them", name, f.Env)
	}
}
