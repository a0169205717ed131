package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary act as the command, so that scripts can run it.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"interlock": main})
}

// tests runs all tests with a temporary state directory.
type tests struct{ *testing.M }

func (m tests) Run() int {
	dir, err := os.MkdirTemp("", "interlock-state-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = os.Setenv("XDG_STATE_HOME", dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.M.Run()
}

func TestCommands(t *testing.T) {
	sites := probeSites(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, ".state"))
			for name, url := range sites {
				env.Setenv(name, url)
			}
			text, err := os.ReadFile("../../configs/interlock.yaml")
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(env.WorkDir, "annotated.yaml"), text, 0o600)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"status": status, "elements": elements, "member": member, "certificates": certificates},
	})
}

// status STATUS COMMAND... checks that a command exits with exactly that status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status STATUS COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("got status %d, want %d", got, want)
	}
}

// member KEY... checks that standard output is one JSON object with all these keys, written as
// a.b.0.c.
func member(ts *testscript.TestScript, neg bool, keys []string) {
	if neg || len(keys) == 0 {
		ts.Fatalf("usage: member KEY...")
	}
	var document any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &document))
	for _, key := range keys {
		at := document
		for part := range strings.SplitSeq(key, ".") {
			ok := false
			switch v := at.(type) {
			case map[string]any:
				at, ok = v[part]
			case []any:
				if i, err := strconv.Atoi(part); err == nil && i < len(v) {
					at, ok = v[i], true
				}
			}
			if !ok {
				ts.Fatalf("there is no %q", key)
			}
		}
	}
}

// elements KEY... checks that standard output is a non-empty JSON array of objects, each with all
// these keys.
func elements(ts *testscript.TestScript, neg bool, keys []string) {
	if neg || len(keys) == 0 {
		ts.Fatalf("usage: elements KEY...")
	}
	var all []map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &all))
	if len(all) == 0 {
		ts.Fatalf("the array is empty")
	}
	for i, each := range all {
		for _, key := range keys {
			if _, ok := each[key]; !ok {
				ts.Fatalf("element %d has no %q", i, key)
			}
		}
	}
}
