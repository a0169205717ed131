package rulebook

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/rules"
)

var update = flag.Bool("update", false, "write the reference pages")

// TestTheReferenceIsThatOfTheCode holds docs/rules against the rulebook. It is written with: go test ./internal/rulebook -update
func TestTheReferenceIsThatOfTheCode(t *testing.T) {
	want := map[string]string{"README.md": indexPage(rules.All())}
	for _, r := range rules.All() {
		want[r.ID+".md"] = rulePage(r)
	}
	checkPages(t, "../../docs/rules", want, func(dir string) error { return WritePages(dir, rules.All()) })
}

// TestTheDiagnosesAreThoseOfTheCode holds docs/diagnoses against the catalogue. It is written in the same way.
func TestTheDiagnosesAreThoseOfTheCode(t *testing.T) {
	checkPages(t, "../../docs/diagnoses", diagnosesPages(diagnose.All()), func(dir string) error { return WriteDiagnosesPages(dir, diagnose.All()) })
}

// checkPages holds the pages in a directory to what they are to be, or writes them.
func checkPages(t *testing.T, dir string, want map[string]string, write func(dir string) error) {
	t.Helper()
	if *update {
		if err := write(dir); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := filepath.Glob(dir + "/*.md")
	if err != nil || len(pages) != len(want) {
		t.Errorf("%d pages, want %d: %v", len(pages), len(want), err)
	}
	for name, text := range want {
		if got, err := os.ReadFile(filepath.Join(dir, name)); string(got) != text {
			t.Errorf("%s is not what the code says (%v)", name, err)
		}
	}
}
