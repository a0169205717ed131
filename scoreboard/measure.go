package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/scoreboard/measure"
	"github.com/interlock-proxy/interlock/scoreboard/recipe"
	"github.com/interlock-proxy/interlock/scoreboard/results"
)

// recipes is the folder of the recipes.
const recipes = "recipes"

// measureServers runs recipes and writes the results.
func measureServers(ctx context.Context, arguments []string, out io.Writer) error {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	only := flags.String("only", "", "IDs of recipes, separated by commas (default all)")
	to := flags.String("o", "", "file to write (default standard output)")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	chosen, err := choose(strings.FieldsFunc(*only, func(r rune) bool { return r == ',' }))
	if err != nil {
		return err
	}
	run, ended := measure.All(ctx, chosen, interlock(ctx), func(line string) { fmt.Fprintln(os.Stderr, line) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if *to != "" {
		f, err := os.Create(*to)
		if err != nil {
			return err
		}
		defer f.Close()
		out = f
	}
	if err := run.Write(out); err != nil {
		return err
	}
	if len(run.Failed) > 0 {
		return errors.Join(ended, fmt.Errorf("%d of %d recipes have no results", len(run.Failed), len(chosen)))
	}
	return ended
}

// choose returns the recipes of some IDs; none means all.
func choose(ids []string) ([]*recipe.Recipe, error) {
	all, err := recipe.All(recipes)
	if err != nil || len(ids) == 0 {
		return all, err
	}
	var chosen []*recipe.Recipe
	for _, id := range ids {
		i := slices.IndexFunc(all, func(r *recipe.Recipe) bool { return r.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("no recipe %q in %s", id, recipes)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// interlock is the version of the prober with its commit. go run records no commit, so git is asked.
func interlock(ctx context.Context) string {
	name := version.String()
	if strings.Contains(name, "+") {
		return name
	}
	if out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty=.modified", "--abbrev=12", "--exclude=*").Output(); err == nil {
		name += "+" + strings.TrimSpace(string(out))
	}
	return name
}

// compareRuns compares two files of results.
func compareRuns(_ context.Context, arguments []string, out io.Writer) error {
	if len(arguments) != 2 {
		return errors.New("usage: diff FILE FILE")
	}
	a, err := results.Read(arguments[0])
	if err != nil {
		return err
	}
	b, err := results.Read(arguments[1])
	if err != nil {
		return err
	}
	measure.Diff(a, b).Write(out)
	return nil
}

// listPackages prints what recipes need: lines of debian and a package, or of npm and a folder.
func listPackages(_ context.Context, arguments []string, out io.Writer) error {
	chosen, err := choose(arguments)
	if err != nil {
		return err
	}
	var lines []string
	for _, r := range chosen {
		for _, name := range r.Packages() {
			lines = append(lines, "debian "+name)
		}
		if r.Version.NPM != "" {
			lines = append(lines, "npm "+r.Dir())
		}
	}
	slices.Sort(lines)
	for _, line := range slices.Compact(lines) {
		fmt.Fprintln(out, line)
	}
	return nil
}
