package schemas

import (
	"os"
	"regexp"
	"testing"
)

// printed returns the blocks of YAML on a page of the documentation with these words after yaml.
func printed(t *testing.T, page, words string) (all []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?m)^```yaml "+regexp.QuoteMeta(words)+"\n((?s:.*?))^```$").FindAllSubmatch(text, -1) {
		all = append(all, string(m[1]))
	}
	if len(all) != 2 {
		t.Fatalf("%s has %d blocks %q, want one for each place", page, len(all), words)
	}
	return all
}
