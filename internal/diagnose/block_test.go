package diagnose

import (
	"strings"
	"testing"
)

// TestBlocksAreTheRemedies checks that a block to copy has the configuration that the remedy has in one
// line, and nothing else, and that each of them is found by that line.
func TestBlocksAreTheRemedies(t *testing.T) {
	if n := len(websocketOnlyLines()) + len(forwardUpgradesLines()); len(blocks()) != n {
		t.Errorf("%d of %d blocks have a remedy", len(blocks()), n)
	}
	for _, b := range blocks() {
		product, lines := Block(b.remedy.String())
		if product != b.remedy.Product || strings.Join(lines, "\n") != b.lines {
			t.Errorf("%s: got the block of %q", b.remedy.Product, product)
		}
		for _, line := range lines {
			line = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(line), ";"), " {") // some remedies have prose there
			if line != "}" && !strings.HasPrefix(line, "#") && !strings.Contains(b.remedy.Change, line) {
				t.Errorf("%s: %q is not in %q", b.remedy.Product, line, b.remedy.Change)
			}
		}
	}
	for product, change := range map[string]string{
		"HAProxy": strings.ReplaceAll(websocketOnlyLines()["HAProxy"], "\n", ", then "),
		"nginx":   strings.NewReplacer("# in http { }\n", "in http { }: ", "# in the location\n", "in the location: ", "\n    ", " ", "\n", " ").Replace(websocketOnlyLines()["nginx"]),
	} {
		if got := only(websocketOnly(), product)[0].Change; got != change {
			t.Errorf("%s: the block is\n%s, and the remedy\n%s", product, change, got)
		}
	}
	if product, lines := Block("nginx: look for something"); product != "" || lines != nil {
		t.Errorf("a sentence is a block: %q", lines)
	}
}
