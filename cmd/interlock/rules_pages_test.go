package main

import (
	"flag"
	"path/filepath"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

var update = flag.Bool("update", false, "write the reference pages")

// TestTheReferenceIsThatOfTheCode holds docs/rules against the rulebook. It is written with: go test ./cmd/interlock -update
func TestTheReferenceIsThatOfTheCode(t *testing.T) {
	const dir = "../../docs/rules"
	if *update {
		if err := writePages(dir, rules.All()); err != nil {
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
		if read(t, filepath.Join(dir, name)) != text {
			t.Errorf("%s is not what the code says", name)
		}
	}
}
