package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/config"
)

// A block is the text between two fences of a document.
type block struct {
	name string // of the file
	text string
}

func blocks(t *testing.T) (all []block) {
	t.Helper()
	names, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, "../../README.md") {
		if filepath.Base(name) == "commands.md" {
			continue // the help's examples have a test of their own
		}
		for i, text := range strings.Split("\n"+read(t, name), "\n```") {
			if i%2 == 1 {
				_, text, _ = strings.Cut(text, "\n") // the rest of the fence's line is not part of the block
				all = append(all, block{filepath.Base(name), text})
			}
		}
	}
	return all
}

// commands returns the interlock command lines in a block.
func (b block) commands() (all [][]string) {
	for text := range strings.Lines(b.text) {
		text, _, _ = strings.Cut(strings.TrimSpace(text), " #")
		text, _, _ = strings.Cut(text, " > ")
		text, _, _ = strings.Cut(text, " | ")
		text, _, _ = strings.Cut(text, " && ")
		if words := strings.Fields(text); len(words) > 1 && (words[0] == "interlock" || words[0] == "bin/interlock") {
			all = append(all, words[1:])
		}
	}
	return all
}

// TestCommandsInTheDocumentsAreCommandLines checks that each command line has an existing command,
// existing flags, and the number of arguments that the command takes.
func TestCommandsInTheDocumentsAreCommandLines(t *testing.T) {
	seen := 0
	for _, b := range blocks(t) {
		for _, words := range b.commands() {
			seen++
			if err := checkCommandLine(words); err != nil {
				t.Errorf("%s: interlock %s: %v", b.name, strings.Join(words, " "), err)
			}
		}
	}
	if seen < 15 {
		t.Errorf("got %d command lines, want more", seen)
	}
}

// checkCommandLine checks that the command and its flags exist, and that the command takes that
// number of arguments.
func checkCommandLine(words []string) error {
	cmd, rest, err := command().Find(words)
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil && cmd.ArgsLenAtDash() < 0 {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	return err
}

// TestTranscriptsInTheDocumentsAreJudgedSo audits the transcripts in the documents and expects the
// one failure that each names.
func TestTranscriptsInTheDocumentsAreJudgedSo(t *testing.T) {
	seen := 0
	for _, b := range blocks(t) {
		wanted, ok := strings.CutPrefix(b.text, "want: fail ")
		if !ok {
			continue
		}
		seen++
		wanted, _, _ = strings.Cut(wanted, "\n")
		file := filepath.Join(t.TempDir(), "example.wire")
		if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
		text, _ := exec.Command("interlock", "audit", file, "-o", "json").Output() // the exit status only says that there are findings
		var rulings []struct {
			Findings []struct{ Rule, Verdict string }
		}
		if err := json.Unmarshal(text, &rulings); err != nil || len(rulings) != 1 {
			t.Fatalf("%s: got %q, %v", b.name, text, err)
		}
		var failed []string
		for _, f := range rulings[0].Findings {
			if f.Verdict == "fail" {
				failed = append(failed, f.Rule)
			}
		}
		if !slices.Equal(failed, []string{wanted}) {
			t.Errorf("%s: got %q, want %s", b.name, failed, wanted)
		}
	}
	if seen == 0 {
		t.Error("there is no transcript")
	}
}

// TestKeysOnTheLoginPageAreKeys loads a configuration with each key that the login page names.
func TestKeysOnTheLoginPageAreKeys(t *testing.T) {
	text := read(t, "../../internal/web/login.go")
	found := regexp.MustCompile(`<code>([a-z][a-z_.]*)</code>`).FindAllStringSubmatch(text, -1)
	known := map[string]bool{}
	c := config.Defaults()
	for _, s := range c.Settings() {
		known[s.Key] = true
	}
	for _, m := range found {
		if !known[m[1]] {
			t.Errorf("there is no key %s", m[1])
		}
	}
	if len(found) == 0 {
		t.Error("the page names no key")
	}
}

// TestTheExamplesForCIInstallFromACheckout is needed until a release is published: before that, go
// install MODULE@latest and uses: OWNER/interlock@TAG fail.
func TestTheExamplesForCIInstallFromACheckout(t *testing.T) {
	for name, want := range map[string][]string{"github.yml": nil, "gitlab.yml": {"go install -C interlock-source ./cmd/interlock"}} {
		text := read(t, filepath.Join("../../deploy/ci", name))
		if install := regexp.MustCompile(`go install .*`).FindAllString(text, -1); !slices.Equal(install, want) {
			t.Errorf("%s: got %q, want %q", name, install, want)
		}
	}
	text := read(t, "../../deploy/ci/github.yml")
	if !strings.Contains(text, "path: interlock-source\n") || !strings.Contains(text, "- uses: ./interlock-source\n") {
		t.Error("github.yml does not use the action from a checkout that was made before")
	}
}
