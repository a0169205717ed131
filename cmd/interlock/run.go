package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

// runFlags are the flags of the command.
type runFlags struct {
	probe, noTraffic, ascii bool
	wait                    time.Duration
	env, labels             []string
	authorized              []string
	exit                    string
	outputs                 []string
}

// What the exit status of run is about.
const (
	exitByFindings = "findings"
	exitByCommand  = "command"
	exitByWorst    = "worst"
)

func runCommand() *cobra.Command {
	f := new(runFlags)
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
			t, err := newTrial(cmd, f, args)
			if err != nil {
				return err
			}
			return t.do(cmd.Context())
		},
	}
	addRunFlags(cmd, f)
	return cmd
}

// addRunFlags adds the flags to the command. What follows the name of the command to run is that command's own.
func addRunFlags(cmd *cobra.Command, f *runFlags) {
	s := cmd.Flags()
	s.SetInterspersed(false)
	backendFlags(cmd)
	gateFlags(cmd)
	acceptFlags(cmd)
	locationFlag(cmd)
	recordFlags(cmd, &f.labels)
	s.Lookup("config").Usage = "configuration file, of which all counts but listeners and the admin address (" + variable("config") + ")"
	s.BoolVar(&f.probe, "probe", false, "when the command has ended, probe every endpoint that switched; docs/safety.md says what that can do")
	s.StringSliceVar(&f.authorized, "authorized", nil, "with --probe: host at a public address that is yours to probe")
	s.DurationVar(&f.wait, "wait", 0, "how long to wait until the backend answers, before the command starts; 0: start at once")
	s.StringArrayVar(&f.env, "env", nil, "NAME=VALUE for the environment of the command, several times; {addr} stands for the host:port of the proxy")
	s.StringVar(&f.exit, "exit", exitByWorst, "what the exit status is about: findings, command (its own status), or worst")
	s.BoolVar(&f.noTraffic, "allow-no-traffic", false, "a command that asks for no upgrade is all right")
	s.StringArrayVarP(&f.outputs, "output", "o", nil, "FORMAT[=FILE], several times: "+formatNames()+"; - is the standard output (default text, on standard error)")
	s.BoolVar(&f.ascii, "ascii", false, "no symbols outside ASCII")
	for name, values := range map[string][]string{"exit": {exitByFindings, exitByCommand, exitByWorst}} {
		if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // the flag is not there: a mistake in the program
		}
	}
}

// check tells what is wrong with the flags by themselves.
func (f *runFlags) check() error {
	if !slices.Contains([]string{exitByFindings, exitByCommand, exitByWorst}, f.exit) {
		return usage("--exit: %q is none of findings, command, worst", f.exit)
	}
	if f.wait < 0 {
		return usage("--wait must not be less than 0")
	}
	if err := checkPairs("env", "NAME=ws://{addr}/path", f.env); err != nil {
		return err
	}
	return checkPairs("label", "K=V", f.labels)
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// do runs the command, and everything around it.
func (t *trial) do(ctx context.Context) error {
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
	if t.flags.probe {
		t.probe(ctx)
	}
	return t.end(ctx)
}
