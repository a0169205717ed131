package terminal

import (
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/wire"
)

// Size is a number of bytes as people read it.
func Size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// Count is a number and a noun, in the plural unless it is one.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Shown is text from the wire as one line of printable ASCII, cut where it is long.
func Shown(text string) string { return Clip(wire.Escape([]byte(text)), 200) }

// Fold breaks text into lines of at most width bytes, two spaces in front of each, and keeps its own line ends.
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
