package interlocktest_test

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A captured run is a run of tests of this package that may fail, in a process of its own.
type captured struct {
	output string
	tests  map[string][]string // names of subtests by their result: PASS, FAIL, SKIP
	failed bool
}

// capture runs the tests that a pattern of -run selects, with variables in their environment. The
// names of subtests have the pattern's first element cut off.
func capture(t *testing.T, pattern string, environment ...string) captured {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run", pattern)
	cmd.Env = append(os.Environ(), environment...)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	c := captured{output: string(out), tests: map[string][]string{}, failed: err != nil}
	for _, m := range regexp.MustCompile(`(?m)^ +--- (PASS|FAIL|SKIP): [^/\s]+/(\S+)`).FindAllStringSubmatch(c.output, -1) {
		c.tests[m[1]] = append(c.tests[m[1]], m[2])
	}
	for _, names := range c.tests {
		slices.Sort(names)
	}
	if len(c.output) == 0 || strings.Contains(c.output, "panic:") {
		t.Fatalf("got %v\n%s", err, c.output)
	}
	return c
}
