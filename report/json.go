package report

import (
	"encoding/json"
	"io"

	"github.com/interlock-proxy/interlock/rules"
)

var _ = register(Format{
	Name: "json", Title: "an array of rulings",
	Open: func(w io.Writer, _ Options) Writer { return &arrayWriter{w: w} },
})

// arrayWriter writes an array, an element a line.
type arrayWriter struct {
	w     io.Writer
	begun bool
}

// Write is part of Writer.
func (a *arrayWriter) Write(r *rules.Ruling) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	front := ",\n"
	if !a.begun {
		a.begun, front = true, "[\n"
	}
	_, err = a.w.Write(append([]byte(front), b...))
	return err
}

// Close is part of Writer.
func (a *arrayWriter) Close(*Summary) error {
	end := "\n]\n"
	if !a.begun {
		end = "[]\n"
	}
	_, err := io.WriteString(a.w, end)
	return err
}
