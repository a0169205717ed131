package terminal

import (
	"io"
	"os"
)

// IsTerminal reports whether w is a terminal. Other character devices, such as /dev/null as the standard
// input of a CI job, are none.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && width(f) >= 0
}
