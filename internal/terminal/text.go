package terminal

import (
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
)

// Fold breaks text into lines of at most width characters, indents each by two spaces, and keeps its line ends.
func Fold(text string, width int) string {
	var out []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		for _, line := range printed.Wrap(paragraph, width-2) {
			out = append(out, "  "+line)
		}
	}
	return strings.Join(out, "\n")
}
