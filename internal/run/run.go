package run

import (
	"context"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/internal/exit"
)

// Flags are the flags of the command.
type Flags struct {
	Probe, NoTraffic, ASCII bool
	Wait                    time.Duration
	Env, Labels             []string
	Authorized              []string
	Exit, HTTP              string
	Outputs                 []string
}

// The sources of the exit status of run.
const (
	ExitByFindings = "findings"
	ExitByCommand  = "command"
	ExitByWorst    = "worst"
)

// Check checks the flags by themselves.
func (f *Flags) Check() error {
	if !slices.Contains([]string{ExitByFindings, ExitByCommand, ExitByWorst}, f.Exit) {
		return exit.Usage("--exit: must be findings, command or worst, not %q", f.Exit)
	}
	if f.Wait < 0 {
		return exit.Usage("--wait must not be less than 0")
	}
	if err := CheckHTTP(f.HTTP); err != nil {
		return err
	}
	if f.HTTP != "" && !f.Probe {
		return exit.Usage("--http is about probes: give --probe too")
	}
	if err := CheckPairs("env", "NAME=ws://{addr}/path", f.Env); err != nil {
		return err
	}
	return CheckPairs("label", "K=V", f.Labels)
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// Do runs the command, and everything around it.
func (t *Run) Do(ctx context.Context) error {
	if err := t.open(ctx); err != nil {
		return err
	}
	defer t.close()
	if err := t.ready(ctx); err != nil {
		return err
	}
	was, err := t.execute()
	t.was = was
	t.drain()
	if err != nil {
		return err
	}
	if t.Flags.Probe {
		t.probe(ctx)
	}
	return t.end(ctx)
}
