package interlocktest_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImports checks that a test that imports this package gets no database, page or command with it.
func TestImports(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	ours, allowed := "github.com/interlock-proxy/interlock/", []string{
		"interlocktest", "wire", "wire/h2", "wire/tlsrec", "wire/ws", "rules",
		"internal/audit", "internal/diagnose", "internal/errno", "internal/event", "internal/exit", "internal/hop", "internal/printed", "internal/probe", "internal/version",
	}
	libraries := []string{"github.com/go-json-experiment/json", "github.com/rs/zerolog", "github.com/mattn/"} // the last one is what zerolog imports
	seen := 0
	for path := range strings.Lines(string(out)) {
		path = strings.TrimSpace(path)
		name, is := strings.CutPrefix(path, ours)
		switch {
		case is && !slices.Contains(allowed, name):
			t.Errorf("it imports %s", name)
		case is:
			seen++
		case strings.HasPrefix(path, "github.com/") && !slices.ContainsFunc(libraries, func(l string) bool { return strings.HasPrefix(path, l) }):
			t.Errorf("it imports %s", path)
		}
	}
	if seen != len(allowed) {
		t.Errorf("%d packages of Interlock are imported, want %d", seen, len(allowed))
	}
}
