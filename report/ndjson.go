package report

import (
	"encoding/json"
	"io"

	"github.com/interlock-proxy/interlock/rules"
)

var _ = register(Format{
	Name: "ndjson", Title: "a ruling a line",
	Open: func(w io.Writer, _ Options) Writer { return lineWriter{json.NewEncoder(w)} },
})

type lineWriter struct{ e *json.Encoder }

// Write is part of Writer.
func (l lineWriter) Write(r *rules.Ruling) error { return l.e.Encode(r) }

// Close is part of Writer.
func (l lineWriter) Close(*Summary) error { return nil }
