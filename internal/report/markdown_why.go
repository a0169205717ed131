package report

import (
	"bytes"
	"fmt"

	"github.com/interlock-proxy/interlock/internal/printed"
)

// why lists what explains exchanges, by kind and cause.
func (m *markdownWriter) why(b *bytes.Buffer) {
	all := m.whys.sorted()
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "## Why\n\nWhat explains %s. It changes no verdict.\n\n", printed.Count(m.whys.exchanges, "exchange"))
	for _, w := range all[:min(len(all), maxCommented)] {
		fmt.Fprintf(b, "### %s: %s\n\n%s\n\n", escapeMarkdown(w.name()), printed.Count(w.count, "exchange"), code(w.observed()))
		fmt.Fprintf(b, "**Cause** %s\n\n**At** %s\n\n", code(printed.Cause(&w.Diagnosis)), code(w.where()))
		if rules := w.related(); rules != "" {
			fmt.Fprintf(b, "**Explains** %s\n\n", code(rules))
		}
		b.WriteString("**Fix**\n\n")
		for _, line := range w.fixes() {
			fmt.Fprintf(b, "- %s\n", code(line))
		}
		fmt.Fprintf(b, "\n**More** %s\n\n", code(printed.MoreOf(&w.Diagnosis)))
	}
	m.left(b, len(all))
	if m.whys.more > 0 {
		fmt.Fprintf(b, "… and %s diagnoses that are not grouped\n\n", printed.Thousands(m.whys.more))
	}
}
