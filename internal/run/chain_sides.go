package run

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/report"
)

// The bounds of what is shown of one side of a hop, and the columns that both sides need to be next to
// each other.
const (
	maxShown    = 24
	maxColumns  = 160
	leastBeside = 100
)

// sides writes what passed on both sides of a hop: next to each other on a wide terminal, else one
// below the other, in the order in which it passed. Lines that the other side does not have are
// marked.
func (t *probeText) sides(b *bytes.Buffer, all []report.Passage) {
	for i := range all {
		p := &all[i]
		near, far := sideLines(&p.Near), sideLines(&p.Far)
		if t.columns != unlimited && t.columns >= leastBeside {
			beside(b, near, far, (t.columns-7)/2)
			continue
		}
		if p.Near.Sign == "<" { // a response comes from the server
			near, far = far, near
		}
		for _, line := range append(near, far...) {
			if len(line) > maxColumns {
				line = line[:maxColumns] + "..."
			}
			fmt.Fprintf(b, "     %s\n", strings.TrimRight(line, " "))
		}
	}
}

// beside writes lines next to each other, in two columns.
func beside(b *bytes.Buffer, left, right []string, width int) {
	for i := range max(len(left), len(right)) {
		var cells [2]string
		for j, lines := range [...][]string{left, right} {
			if i < len(lines) {
				cells[j] = lines[i]
			}
			if len(cells[j]) > width {
				cells[j] = cells[j][:width-3] + "..."
			}
		}
		fmt.Fprintf(b, "     %s\n", strings.TrimRight(fmt.Sprintf("%-*s  %s", width, cells[0], cells[1]), " "))
	}
}

// sideLines are the lines of one side, with their marks.
func sideLines(s *report.Side) (lines []string) {
	for i, l := range s.Lines {
		if i == maxShown {
			return append(lines, fmt.Sprintf("  %s ... and %d more lines", s.Sign, len(s.Lines)-i+s.Left))
		}
		mark := " "
		if l.Differs {
			mark = "*"
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", mark, s.Sign, l.Text))
	}
	if s.Note != "" {
		lines = append(lines, fmt.Sprintf("  %s (%s)", s.Sign, s.Note))
	}
	return lines
}

// fixes writes the lines of a remedy.
func (t *probeText) fixes(b *bytes.Buffer, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		if product, block := diagnose.Block(line); block != nil {
			fmt.Fprintf(b, "     fix: %s:\n\n", product)
			for _, line := range block { // not wrapped, because it is copied
				fmt.Fprintf(b, "          %s\n", line)
			}
			b.WriteByte('\n')
		} else if line != "" {
			t.hang(b, "     fix: ", 10, line)
		}
	}
}
