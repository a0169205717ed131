package run

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

// Program is the command to run.
type Program struct {
	Name           string // without its folder and arguments, which may be secret
	Path           string
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// ended is the way a command ended.
type ended struct {
	status int    // its exit status; 128 and the number of the signal if a signal ended it, as in a shell
	signal string // the signal that ended it; empty: none
	passed bool   // a signal was passed on to it
}

// String describes how the command ended.
func (e ended) String() string {
	if e.signal != "" {
		return fmt.Sprintf("was ended by a signal: %s (status %d)", e.signal, e.status)
	}
	return fmt.Sprintf("ended with status %d", e.status)
}

// lastWords is how long the output of an ended command is read if other processes still hold it
// open.
const lastWords = 5 * time.Second

// execute runs the command to its end, with the address of the relay in its environment. It passes
// signals to this process on to the command.
func (t *Run) execute() (ended, error) {
	c := &t.Program
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = c.Stdin, c.Stdout, c.Stderr, lastWords
	cmd.Env = t.environment(os.Environ())
	stdin, ok := c.Stdin.(*os.File)
	own := !ok || !terminal.IsTerminal(stdin) // only the foreground process group may read from a terminal, and Ctrl-C there reaches the whole group
	cmd.SysProcAttr = group(own)

	signals := make(chan os.Signal, 8) // signals arrive one by one; a few may arrive before the command has started
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := cmd.Start(); err != nil {
		signal.Stop(signals)
		return ended{}, exit.Usage("run %q: %w", c.Name, err)
	}
	var passing sync.WaitGroup
	var is ended
	passing.Go(func() { is.passed = passOn(signals, cmd.Process, own) })
	failed := cmd.Wait()
	signal.Stop(signals)
	close(signals)
	passing.Wait()
	if cmd.ProcessState == nil {
		return is, exit.Unknown("run %q: %w", c.Name, failed)
	}
	is.status = cmd.ProcessState.ExitCode()
	if by, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && by.Signaled() {
		is.status, is.signal = 128+int(by.Signal()), by.Signal().String()
	}
	return is, nil
}

// interrupted reports whether a signal to end has come.
func (t *Run) interrupted(ctx context.Context) bool { return ctx.Err() != nil || t.was.passed }
