package terminal

import (
	"strings"
)

// Fold breaks text into lines of at most width bytes, indents each by two spaces, and keeps its
// line ends.
func Fold(text string, width int) string {
	var out []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := " "
		for word := range strings.FieldsSeq(paragraph) {
			if len(line)+1+len(word) > width && line != " " {
				out = append(out, line)
				line = " "
			}
			line += " " + word
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}
