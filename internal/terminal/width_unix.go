//go:build unix

package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

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
