package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
)

// The columns of a report for people.
const (
	usualWidth   = 114 // if the width of the terminal is unknown
	leastWidth   = 60
	mostWidth    = 200
	nameWidth    = 14  // before a line under its name
	maxTextWidth = 100 // of prose, which is hard to read in longer lines
)

// Columns is how many columns a report for people has on a terminal that has so many; 0: there is
// none.
func Columns(terminal int) int {
	if terminal == 0 {
		return usualWidth
	}
	return min(max(terminal, leastWidth), mostWidth)
}

// room is how many columns there are after the name of a line.
func (t *textWriter) room() int { return Columns(t.Width) - nameWidth }

// title begins a part of the report.
func (t *textWriter) title(b *bytes.Buffer, text string) {
	b.WriteByte('\n')
	t.entry(b, " ", 1, text)
}

// entry writes a text after a heading that takes start columns: in one line if there is no
// terminal, so that programs find it. Further lines are indented below the text, or less if the
// heading leaves little room.
func (t *textWriter) entry(b *bytes.Buffer, beginning string, columns int, text string) {
	if t.Width == 0 {
		fmt.Fprintln(b, strings.TrimRight(beginning+text, " "))
		return
	}
	width, indent := Columns(t.Width), columns
	if width-indent < leastWidth/2 {
		indent = nameWidth
	}
	text = t.spelled(text)
	lines := printed.Wrap(text, width-columns)
	if first := lines[0]; columns+len(first) > width && indent < columns {
		lines = append([]string{""}, printed.Wrap(text, width-indent)...)
	} else if len(lines) > 1 && indent < columns {
		lines = append(lines[:1], printed.Wrap(strings.Join(lines[1:], " "), width-indent)...)
	}
	for i, line := range lines {
		if i > 0 {
			beginning = strings.Repeat(" ", indent)
		}
		fmt.Fprintln(b, strings.TrimRight(beginning+line, " "))
	}
}

// line writes one line under its name.
func (t *textWriter) line(b *bytes.Buffer, name, text string) {
	fmt.Fprintf(b, "       %-6s %s\n", name, text)
}

// part writes a text under its name, in lines of a length that can be read.
func (t *textWriter) part(b *bytes.Buffer, name, text string) {
	for paragraph := range strings.SplitSeq(text, "\n") {
		if strings.TrimSpace(paragraph) == "" {
			continue
		}
		for _, line := range printed.Wrap(t.spelled(paragraph), min(t.room(), maxTextWidth)) {
			t.line(b, name, line)
			name = ""
		}
	}
}

// spelled is a text as it is written: in ASCII, signs that have a name are named.
func (t *textWriter) spelled(text string) string {
	if t.ASCII {
		return printed.Signs(text)
	}
	return text
}
