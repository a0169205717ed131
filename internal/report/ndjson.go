package report

import (
	"io"

	"github.com/interlock-proxy/interlock/rules"
)

var _ = register(Format{
	Name: "ndjson", Title: "a ruling a line",
	Open: func(w io.Writer, _ Options) Writer { return &lineWriter{w: w} },
})

type lineWriter struct {
	w    io.Writer
	text []byte // of the last line, whose place is used again
}

// Write is part of Writer.
func (l *lineWriter) Write(r *rules.Ruling) error {
	b, err := AppendElement(l.text[:0], r)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	l.text = b
	_, err = l.w.Write(b)
	return err
}

// Preview is part of Previewer.
func (l *lineWriter) Preview(r *rules.Ruling) error { return l.Write(r) }

// Close is part of Writer.
func (l *lineWriter) Close(*Summary) error { return nil }
