package main

import (
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

func runCommand() *cobra.Command {
	f := new(run.Flags)
	cmd := &cobra.Command{
		Use: "run --backend URL [flags] -- CMD...", Short: "audit the traffic of a command, such as a test suite, and probe what it showed",
		Long: "Start the proxy on a free port, run a command with its address in INTERLOCK_URL (http://...) and INTERLOCK_WS_URL (ws://...), and\n" +
			"judge what the command sent through it and what came back. With --probe every endpoint that switched is probed behind the command.\n" +
			"Standard input, output and error are the command's own; reports that go there are written when it has ended: the text report to\n" +
			"standard error unless -o says otherwise, what -o asks for without a file to standard output.",
		Example: "  interlock run --backend http://127.0.0.1:3000 -- npm test\n" +
			"  interlock run --backend http://127.0.0.1:3000 --wait 60s --probe -o junit=interlock.xml -- npm test\n" +
			"  interlock run --backend http://127.0.0.1:3000 --env API=http://{addr}/v1 --env WS=ws://{addr}/chat -- pytest",
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
	s.Lookup("config").Usage = "configuration file, of which all counts but listeners and the admin address (" + config.Variable("config") + ")"
	s.BoolVar(&f.Probe, "probe", false, "when the command has ended, probe every endpoint that switched; docs/safety.md says what that can do")
	s.StringSliceVar(&f.Authorized, "authorized", nil, "with --probe: host at a public address that is yours to probe")
	s.DurationVar(&f.Wait, "wait", 0, "how long to wait until the backend answers, before the command starts; 0: start at once")
	s.StringArrayVar(&f.Env, "env", nil, "NAME=VALUE for the environment of the command, several times; {addr} stands for the host:port of the proxy")
	s.StringVar(&f.Exit, "exit", run.ExitByWorst, "what the exit status is about: findings, command (its own status), or worst")
	s.BoolVar(&f.NoTraffic, "allow-no-traffic", false, "a command that asks for no upgrade is all right")
	s.StringArrayVarP(&f.Outputs, "output", "o", nil, "FORMAT[=FILE], several times: "+formatNames()+"; - is the standard output (default text, on standard error)")
	s.BoolVar(&f.ASCII, "ascii", false, "no symbols outside ASCII")
	exits := cobra.FixedCompletions([]string{run.ExitByFindings, run.ExitByCommand, run.ExitByWorst}, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("exit", exits); err != nil {
		panic(err) // the flag is not there: a mistake in the program
	}
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
	if t.Config, t.Gate, err = loadTrial(cmd); err != nil {
		return nil, err
	}
	if t.Accepting, err = loadAccepting(cmd, &t.Config, t.Screen); err != nil {
		return nil, err
	}
	if t.Options, err = reportOptions(cmd, &t.Config, f.ASCII); err != nil {
		return nil, err
	}
	t.Program, err = findProgram(cmd, args)
	return t, err
}
