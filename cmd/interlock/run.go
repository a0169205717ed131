package main

import (
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/help"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

func runCommand() *cobra.Command {
	f := new(run.Flags)
	cmd := &cobra.Command{
		Use: "run --backend URL [flags] -- CMD...", Short: "Audit the traffic of a command, such as a test suite",
		Long: "Start the proxy on a free port and run a command with its address in INTERLOCK_URL (http://...) and\n" +
			"INTERLOCK_WS_URL (ws://...). When the command ends, write the reports: the text report to standard error,\n" +
			"others where -o says.",
		Example: "  interlock run --backend http://127.0.0.1:3000 -- npm test\n" +
			"  interlock run --backend http://127.0.0.1:3000 --wait 60s --probe -o junit=report.xml -- npm test\n" +
			"  interlock run --backend http://127.0.0.1:3000 --env WS=ws://{addr}/chat -- pytest",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := newRun(cmd, f, args)
			if err != nil {
				return err
			}
			return t.Do(cmd.Context())
		},
	}
	addRunFlags(cmd, f)
	return cmd
}

// addRunFlags adds the flags to the command. What follows the name of the command to run is that command's own.
func addRunFlags(cmd *cobra.Command, f *run.Flags) {
	s := cmd.Flags()
	s.SetInterspersed(false)
	backendFlags(cmd)
	gateFlags(cmd)
	acceptFlags(cmd)
	locationFlag(cmd)
	recordFlags(cmd, &f.Labels)
	s.BoolVar(&f.Probe, "probe", false, "then probe every endpoint that accepted an upgrade")
	s.StringVar(&f.HTTP, "http", "", "`version` of HTTP of probes (default as seen or offered)")
	s.StringSliceVar(&f.Authorized, "authorized", nil, "public `host` that you may probe")
	s.DurationVar(&f.Wait, "wait", 0, "wait up to `duration` for the backend to answer")
	s.StringArrayVar(&f.Env, "env", nil, "`NAME=VALUE` for the command; {addr} is the proxy's address")
	s.StringVar(&f.Exit, "exit", run.ExitByWorst, "`what` the exit status is for: findings, command, worst")
	s.BoolVar(&f.NoTraffic, "allow-no-traffic", false, "succeed even if the command requests no upgrade")
	s.StringArrayVarP(&f.Outputs, "output", "o", nil, outputUsage)
	asciiFlag(cmd, &f.ASCII)
	outputFlag(cmd)
	help.Group(cmd, help.Target, "wait", "env")
	help.Group(cmd, help.Send, "probe", "http", "authorized")
	help.Group(cmd, help.Judge, "exit", "allow-no-traffic")
	help.Rare(cmd, "instance", "rules-as-of")
	completeFixed(cmd, "http", probe.Versions()...)
	completeFixed(cmd, "exit", run.ExitByFindings, run.ExitByCommand, run.ExitByWorst)
}

// findProgram looks a program up.
func findProgram(cmd *cobra.Command, args []string) (run.Program, error) {
	c := run.Program{
		Name: filepath.Base(args[0]), Args: args[1:], Stdin: cmd.InOrStdin(), Stdout: cmd.OutOrStdout(), Stderr: cmd.ErrOrStderr(),
	}
	var err error
	if c.Path, err = exec.LookPath(args[0]); err != nil {
		var why *exec.Error
		if errors.As(err, &why) {
			err = why.Err
		}
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return c, exit.Usage("run %q: %w", args[0], err)
	}
	return c, nil
}

// newRun looks at all that can be wrong before anything starts.
func newRun(cmd *cobra.Command, f *run.Flags, args []string) (*run.Run, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return nil, exit.Usage("name the command to run, as in interlock run --backend http://127.0.0.1:3000 -- npm test")
	}
	t := &run.Run{Flags: f, Run: ulid.Make().String(), Screen: terminal.NewScreen(cmd.OutOrStdout(), cmd.ErrOrStderr())}
	var err error
	if t.Config, t.Gate, err = loadRun(cmd); err != nil {
		return nil, err
	}
	if t.Accepting, err = loadAccepting(cmd, &t.Config, t.Screen, t.Target()); err != nil {
		return nil, err
	}
	if t.Options, err = reportOptions(cmd, &t.Config, f.ASCII); err != nil {
		return nil, err
	}
	t.Options.Gate = &t.Gate
	t.Program, err = findProgram(cmd, args)
	return t, err
}
