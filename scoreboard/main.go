// Command scoreboard shows what servers answer to the probes of Interlock.
//
//	go -C scoreboard run . run -o data/2026-11-30.json
//	go -C scoreboard run . diff a.json b.json
//	go -C scoreboard run . site -data data -o build
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/interlock-proxy/interlock/scoreboard/site"
)

// A command is one of the words that follow the name of the program.
type command struct {
	name, does string
	run        func(ctx context.Context, arguments []string, out io.Writer) error
}

func commands() []command {
	return []command{
		{"run", "start the servers of the recipes and probe them", measureServers},
		{"diff", "compare two files of results", compareRuns},
		{"packages", "list what recipes need", listPackages},
		{"site", "write the results as a static site", writeSite},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "scoreboard:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, arguments []string, out io.Writer) error {
	if len(arguments) > 0 {
		for _, c := range commands() {
			if c.name == arguments[0] {
				return c.run(ctx, arguments[1:], out)
			}
		}
	}
	fmt.Fprintln(out, "Usage: go -C scoreboard run . COMMAND")
	for _, c := range commands() {
		fmt.Fprintf(out, "  %-8s %s\n", c.name, c.does)
	}
	if len(arguments) > 0 && arguments[0] != "help" {
		return fmt.Errorf("unknown command %q", arguments[0])
	}
	return nil
}

func writeSite(_ context.Context, arguments []string, out io.Writer) error {
	flags := flag.NewFlagSet("site", flag.ContinueOnError)
	var o site.Options
	flags.StringVar(&o.Data, "data", "data", "`folder` of result files")
	flags.StringVar(&o.Out, "o", "build", "`folder` to write")
	flags.StringVar(&o.Recipes, "recipes", ".", "`folder` that the names of recipes are relative to")
	flags.StringVar(&o.Rules, "rules", "../../docs/rules/%s.md", "`link` to the page of a rule, from the folder that is written")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	n, err := site.Build(o)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d files\n", o.Out, n)
	return nil
}
