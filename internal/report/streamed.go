package report

import (
	"encoding/json"
	"io"
)

// A jsonList writes a list in an indented document as [Document] does, element by element: a report
// can have thousands.
type jsonList struct {
	w      io.Writer
	indent string // of an element
	begun  bool
}

// add writes the next element.
func (l *jsonList) add(element any) error {
	b, err := json.MarshalIndent(element, l.indent, " ")
	if err != nil {
		return err
	}
	front := ",\n"
	if !l.begun {
		l.begun, front = true, "[\n"
	}
	_, err = l.w.Write(append([]byte(front+l.indent), ascii(b)...))
	return err
}

// end writes the end of the list.
func (l *jsonList) end() error {
	end := "[]"
	if l.begun {
		end = "\n" + l.indent[1:] + "]"
	}
	_, err := io.WriteString(l.w, end)
	return err
}
