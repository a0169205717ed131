package main

import (
	"go/format"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "rules", "testdata"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rules", "method.go"), []byte("package rules\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestARuleIsBegun checks that the block is formatted and placed after the other rules of the
// family, that both transcripts are valid, and that they fail, because no existing rule gives the
// wanted finding.
func TestARuleIsBegun(t *testing.T) {
	for _, family := range []string{"rules/method.go", "rules/other.go"} {
		dir := module(t)
		if err := run(dir, []string{"-file", family, "UPGRADE-NEW-RULE"}, io.Discard); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, family))
		if err != nil {
			t.Fatal(err)
		}
		formatted, err := format.Source(text)
		if err != nil || string(formatted) != string(text) || !strings.Contains(string(text), `ID: "UPGRADE-NEW-RULE"`) {
			t.Errorf("%s: %v:\n%s", family, err, text)
		}
		for name, want := range map[string]string{"broken": "fail UPGRADE-NEW-RULE", "kept": "pass UPGRADE-NEW-RULE"} {
			text, err := os.ReadFile(filepath.Join(dir, "rules", "testdata", "UPGRADE-NEW-RULE", name+".wire"))
			if err != nil {
				t.Fatal(err)
			}
			transcript, err := wire.ParseTranscript(text)
			if err != nil || len(transcript.Meta) != 1 || transcript.Meta[0] != (wire.Meta{Key: "want", Value: want}) {
				t.Fatalf("%s: %v, %v", name, transcript, err)
			}
			exchanges := transcript.Exchanges(wire.Common{Counts: new(wire.Counts)})
			if len(exchanges) != 1 || rules.Classify(rules.Case{X: exchanges[0]}).Verdict != rules.Pass {
				t.Errorf("%s does not begin from a valid handshake", name)
			}
		}
		if err := run(dir, []string{"-file", family, "UPGRADE-NEW-RULE"}, io.Discard); err == nil {
			t.Error("a rule was begun twice")
		}
		if again, _ := os.ReadFile(filepath.Join(dir, family)); string(again) != string(text) {
			t.Error("what was refused has changed the family's file")
		}
	}
}

func TestNoRuleIsBegun(t *testing.T) {
	for want, args := range map[string][]string{
		"say the file":     {"UPGRADE-NEW-RULE"},
		"not an ID":        {"-file", "rules/method.go", "Upgrade-x"},
		"already":          {"-file", "rules/method.go", "UPGRADE-POST"},
		"cannot hold":      {"-file", "../rules/method.go", "UPGRADE-NEW-RULE"},
		"cannot hold a ru": {"-file", "rules/method_test.go", "UPGRADE-NEW-RULE"},
	} {
		dir := module(t)
		err := run(dir, args, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", args, err, want)
		}
		if found, _ := os.ReadDir(filepath.Join(dir, "rules", "testdata")); len(found) > 0 {
			t.Errorf("%q: left %v", args, found)
		}
	}
}
