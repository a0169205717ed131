package report

import (
	"io"

	"github.com/interlock-proxy/interlock/rules"
)

var _ = register(Format{
	Name: "ndjson", Title: "a ruling a line",
	Open: func(w io.Writer, _ Options) Writer { return lineWriter{w} },
})

type lineWriter struct{ w io.Writer }

// Write is part of Writer.
func (l lineWriter) Write(r *rules.Ruling) error {
	b, err := Element(r)
	if err == nil {
		_, err = l.w.Write(append(b, '\n'))
	}
	return err
}

// Preview is part of Previewer.
func (l lineWriter) Preview(r *rules.Ruling) error { return l.Write(r) }

// Close is part of Writer.
func (l lineWriter) Close(*Summary) error { return nil }
