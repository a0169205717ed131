package run

import (
	"os"
	"syscall"
)

// group leaves the command in the console of this process. Windows has no signals for a group.
func group(bool) *syscall.SysProcAttr { return nil }

// passOn ends the process at any signal but Ctrl-C, which the console sends to all its processes,
// until the channel is closed. It reports whether there were any signals.
func passOn(signals <-chan os.Signal, p *os.Process, _ bool) (some bool) {
	for s := range signals {
		some = true
		if s != os.Interrupt {
			_ = p.Kill() // an error means that the process has ended
		}
	}
	return some
}
