package why

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheGuideHasEachDiagnosis holds the table of docs/why.md to the diagnoses of this package.
func TestTheGuideHasEachDiagnosis(t *testing.T) {
	page, err := os.ReadFile("../../docs/why.md")
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]bool{}
	names, _ := filepath.Glob("*.go")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\b(?:certain|likely)\("([a-z0-9-]+)"`).FindAllStringSubmatch(string(text), -1) {
			made["walk-"+m[1]] = true
			if !strings.Contains(string(page), "`walk-"+m[1]+"`") {
				t.Errorf("docs/why.md does not have walk-%s", m[1])
			}
		}
	}
	for _, m := range regexp.MustCompile("`(walk-[a-z0-9-]+)`").FindAllStringSubmatch(string(page), -1) {
		if !made[m[1]] {
			t.Errorf("docs/why.md has %s, which there is not", m[1])
		}
	}
}
