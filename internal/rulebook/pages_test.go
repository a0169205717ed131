package rulebook

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

var update = flag.Bool("update", false, "write the reference pages")

// TestTheReferenceIsThatOfTheCode holds docs/rules against the rulebook. It is written with: go test ./internal/rulebook -update
func TestTheReferenceIsThatOfTheCode(t *testing.T) {
	const dir = "../../docs/rules"
	if *update {
		if err := WritePages(dir, rules.All()); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{"README.md": indexPage(rules.All())}
	for _, r := range rules.All() {
		want[r.ID+".md"] = rulePage(r)
	}
	pages, err := filepath.Glob(dir + "/*.md")
	if err != nil || len(pages) != len(want) {
		t.Errorf("%d pages for %d rules and an index: %v", len(pages), len(want)-1, err)
	}
	for name, text := range want {
		if got, err := os.ReadFile(filepath.Join(dir, name)); string(got) != text {
			t.Errorf("%s is not what the code says (%v)", name, err)
		}
	}
}
