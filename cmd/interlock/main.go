// Command interlock finds requests that make a backend answer 101 Switching Protocols when it must not.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/help"
	"github.com/interlock-proxy/interlock/internal/version"
)

func main() { os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr)) }

// execute is the whole command. It returns the exit status.
func execute(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	root := command()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exit.StatusClean
	}
	var (
		failed exit.Error
		file   *fs.PathError
	)
	switch {
	case errors.As(err, &failed):
	case errors.As(err, &file) && file.Op == "write":
		failed.Status = exit.StatusUnknown // the disk is full, for example
	default:
		failed.Status = exit.StatusUsage // cobra's own errors are about flags and arguments
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(stderr, "interlock: "+text)
	}
	return failed.Status
}

// command is the tree of subcommands.
func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "interlock",
		Short:         "Find requests that make a backend answer 101 when it must not",
		Long:          "Interlock is a reverse proxy that audits the HTTP/1.1 Upgrade mechanism (WebSocket, h2c, TLS and any other\nprotocol) and WebSockets over HTTP/2. It passes traffic through byte for byte and checks every upgrade against the RFCs.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	root.Version = version.String()
	root.SetVersionTemplate(versionLine() + "\n")
	root.SetFlagErrorFunc(help.SuggestFlag)
	root.Example = "  interlock demo\n" +
		"  interlock serve --backend http://127.0.0.1:3000\n" +
		"  interlock probe http://127.0.0.1:3000/chat"
	root.AddCommand(serveCommand(), probeCommand(), whyCommand(), runCommand(), demoCommand(), auditCommand(), diffCommand(), chainCommand(), hopsCommand(), reportCommand(), replayCommand(), storeCommand(), rulesCommand(), diagnosesCommand(), initCommand(), checkCommand(), versionCommand(), manCommand(), healthcheckCommand(), labCommand(), caCommand())
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			describeCompletion(c)
		}
	}
	help.CheckArguments(root)
	help.Add(root)
	return root
}
