package terminal

import (
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/interlock-proxy/interlock/internal/printed"
)

// The columns of a line of the console.
const (
	clockWidth = len(" 15:04:05.000 ")
	leastRoom  = 40 // after the time of day; a terminal with less breaks the lines itself
)

// columns is how many columns the terminal has that is w; 0 if w is not a terminal.
func columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	return max(width(f), 0)
}

// lines writes the first line after the time of day and the others below it, each broken at words where the terminal is too
// narrow for it. There is no one to report a failed write to.
func (c *Console) lines(all ...string) {
	var b strings.Builder
	beginning := " " + clock() + " "
	for _, line := range all {
		for _, part := range fit(line, c.columns()-clockWidth) {
			b.WriteString(beginning + part + "\n")
			beginning = strings.Repeat(" ", clockWidth)
		}
	}
	_, _ = io.WriteString(c.w, b.String())
}

// fit breaks a line that takes more columns than there is room for. Parts after the first are indented.
func fit(line string, room int) []string {
	end := within(line, room)
	if room < leastRoom || end == len(line) {
		return []string{line}
	}
	if cut := strings.LastIndexByte(line[:end+1], ' '); cut > 0 {
		end = cut
	} else {
		return []string{line}
	}
	parts := []string{strings.TrimRight(line[:end], " ")}
	for _, part := range printed.Wrap(line[end:], room-2) {
		parts = append(parts, "  "+part)
	}
	return parts
}

// within is how many bytes of a text take at most that many columns. Colours take none.
func within(text string, columns int) int {
	for i := 0; i < len(text); {
		if end := strings.IndexByte(text[i:], 'm'); text[i] == '\x1b' && end > 0 {
			i += end + 1
			continue
		}
		if columns <= 0 {
			return i
		}
		_, size := utf8.DecodeRuneInString(text[i:])
		i, columns = i+size, columns-1
	}
	return len(text)
}
