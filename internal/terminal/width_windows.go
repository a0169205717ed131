package terminal

import (
	"os"

	"golang.org/x/sys/windows"
)

// width is how many columns a console has, 0 if it does not say so, as for input; negative if the
// file is not a console, or one that does not understand escape sequences.
func width(f *os.File) int {
	conn, err := f.SyscallConn()
	if err != nil {
		return -1
	}
	columns := -1
	if err := conn.Control(func(fd uintptr) {
		var mode uint32
		if windows.GetConsoleMode(windows.Handle(fd), &mode) != nil {
			return
		}
		var screen windows.ConsoleScreenBufferInfo
		if windows.GetConsoleScreenBufferInfo(windows.Handle(fd), &screen) != nil {
			columns = 0
			return
		}
		if windows.SetConsoleMode(windows.Handle(fd), mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil {
			columns = int(screen.Window.Right - screen.Window.Left + 1)
		}
	}); err != nil {
		return -1
	}
	return columns
}
