package run

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/interlock-proxy/interlock/internal/printed"
)

// unlimited is the width without a terminal: each text is one line, so that programs can search it.
const unlimited = 1 << 20

// entry writes a text after its indentation, wrapped.
func (t *probeText) entry(b *bytes.Buffer, indent, text string) { t.hang(b, indent, len(indent), text) }

// hang writes a text after a heading of that many columns, wrapped. Further lines are indented
// below the text or, if that leaves too little room, less.
func (t *probeText) hang(b *bytes.Buffer, beginning string, columns int, text string) {
	const least = 24 // columns of text
	if t.marks.ASCII {
		text = printed.Signs(text)
	}
	indent := columns
	if t.columns-columns < least {
		fmt.Fprintln(b, strings.TrimRight(beginning, " "))
		indent = 6
		beginning = strings.Repeat(" ", indent)
	}
	for _, line := range printed.Wrap(text, t.columns-indent) {
		fmt.Fprintln(b, strings.TrimRight(beginning+line, " "))
		beginning = strings.Repeat(" ", indent)
	}
}

// flush writes the buffer. In ASCII, symbols that have a name are written by name.
func (t *probeText) flush(b *bytes.Buffer) error {
	text := b.String()
	if t.marks.ASCII {
		text = printed.Signs(text)
	}
	_, err := io.WriteString(t.w, text)
	return err
}
