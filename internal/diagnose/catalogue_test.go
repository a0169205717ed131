package diagnose

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
)

// TestCatalogue holds the entries to what documentation and reports rely on.
func TestCatalogue(t *testing.T) {
	id := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	for _, k := range All() {
		t.Run(k.ID, func(t *testing.T) {
			if !id.MatchString(k.ID) {
				t.Error("the ID is not lower-case words with hyphens")
			}
			if !slices.Contains(Families(), k.Family) {
				t.Errorf("unknown family %q", k.Family)
			}
			if k.Stages == 0 || k.Title == "" || k.Why == "" || strings.HasSuffix(k.Title, ".") {
				t.Error("stages, title or why is missing, or the title ends in a period")
			}
			for _, r := range k.Rules {
				if rules.Find(r) == nil {
					t.Errorf("rule %s does not exist", r)
				}
			}
			for _, id := range k.Covers {
				if Find(id) == nil {
					t.Errorf("it covers %s, which does not exist", id)
				}
			}
			checkCauses(t, k.Causes)
		})
	}
}

func checkCauses(t *testing.T, causes []Cause) {
	t.Helper()
	if len(causes) == 0 {
		t.Fatal("no causes")
	}
	for i, c := range causes {
		if last := i == len(causes)-1; last != (c.Mark == nil) {
			t.Errorf("cause %d: the last cause, and only the last one, needs no mark", i)
		}
		if c.Certainty == rules.Likely && c.Mark == nil {
			t.Errorf("cause %d is likely and rests on nothing", i)
		}
		if c.Text == "" || len(c.Fix) == 0 || strings.HasSuffix(c.Text, ".") {
			t.Errorf("cause %d has no text or no remedy, or ends in a period", i)
		}
	}
}
