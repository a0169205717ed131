//go:build unix

package run

import (
	"os"
	"syscall"
)

// group gives the command a process group of its own, or leaves it in ours.
func group(own bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: own} }

// passOn passes signals on to a process, or to its process group, until the channel is closed. It
// reports whether there were any.
func passOn(signals <-chan os.Signal, p *os.Process, own bool) (some bool) {
	for s := range signals {
		some = true
		number, _ := s.(syscall.Signal)
		switch {
		case own:
			_ = syscall.Kill(-p.Pid, number) // an error means that the process has ended
		case number != syscall.SIGINT:
			_ = syscall.Kill(p.Pid, number)
		}
	}
	return some
}
