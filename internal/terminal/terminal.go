package terminal

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// IsTerminal reports whether w is a terminal. Other character devices, such as /dev/null as the standard
// input of a CI job, are none.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && width(f) >= 0
}

// width is how many columns a terminal has, 0 if it does not say so; negative if the file is not a
// terminal.
func width(f *os.File) int {
	conn, err := f.SyscallConn() // Fd would make reads and writes of the file block
	if err != nil {
		return -1
	}
	columns := -1
	if err := conn.Control(func(fd uintptr) {
		if size, err := unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ); err == nil {
			columns = int(size.Col)
		}
	}); err != nil {
		return -1
	}
	return columns
}
