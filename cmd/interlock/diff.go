package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/baseline"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

func diffCommand() *cobra.Command {
	var (
		ascii   bool
		outputs []string
	)
	cmd := &cobra.Command{
		Use: "diff A B", Short: "Compare two runs", Args: cobra.ExactArgs(2),
		Long: "Show which findings of B are new, changed, flapping, fixed or not seen, compared with A. A and B are reports\n" +
			"of -o json or -o ndjson, or stored runs: an ID or its beginning, last, last~1. The exit status is 1 if B has\n" +
			"failures at or above --fail-on that A does not have.",
		Example: "  interlock diff monday.json today.json\n  interlock diff last~1 last -o json=diff.json -o text",
		RunE: func(cmd *cobra.Command, names []string) error {
			c, gate, err := loadRules(cmd)
			if err != nil {
				return err
			}
			d := diffing{gate: gate, names: names, screen: terminal.NewScreen(cmd.OutOrStdout(), cmd.ErrOrStderr()), ascii: ascii}
			d.runs = newBaselines(cmd, &c, d.screen)
			if err := d.compare(cmd.Context()); err != nil {
				return err
			}
			if err := d.write(outputs); err != nil {
				return err
			}
			return d.end()
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&outputs, "output", "o", nil, "report as `FORMAT[=FILE]`: text, json (default text)")
	gateFlags(cmd)
	storeFlags(cmd)
	asciiFlag(cmd, &ascii)
	outputFlag(cmd, "text", "json")
	cmd.ValidArgsFunction = completeRuns
	return cmd
}

// diffing is one run of diff.
type diffing struct {
	gate   rules.Gate
	names  []string // of A and B
	screen *terminal.Screen
	runs   *baseline.Reader
	ascii  bool

	a, b accept.Findings
	all  []accept.Difference
}

// compare reads both runs.
func (d *diffing) compare(ctx context.Context) error {
	defer d.runs.Close()
	if err := d.runs.ReadBoth(ctx, [2]string(d.names), [2]*accept.Findings{&d.a, &d.b}); err != nil {
		return exit.Usage("%w", err)
	}
	d.all = accept.Diff(&d.a, &d.b)
	return nil
}

// write writes all that the -o flags ask for; text on the standard output if there are none.
func (d *diffing) write(outputs []string) error {
	comparison := baseline.Comparison{A: d.names[0], B: d.names[1], All: d.all}
	all := formats{
		"text": func(w io.Writer, color bool) error {
			return comparison.Text(w, &terminal.Console{Color: color, ASCII: d.ascii || !terminal.UTF8Locale()})
		},
		"json": func(w io.Writer, _ bool) error { return comparison.JSON(w) },
	}
	return writeFormats(outputs, d.screen, all)
}

// end returns an error if B has gated failures that A does not have.
func (d *diffing) end() error {
	gated := 0
	for i := range d.all {
		e := &d.all[i]
		if e.B != nil && d.gate.Holds(e.B.Finding()) && (e.A == nil || !d.gate.Holds(e.A.Finding())) {
			gated++
		}
	}
	switch {
	case gated > 0:
		return exit.Error{Status: exit.StatusFound, Err: fmt.Errorf("%w that %s does not have", run.FindingsAt(d.gate, gated), d.names[0])}
	case d.a.Rulings == 0 || d.b.Rulings == 0:
		return exit.Unknown("nothing to compare: %s has %d rulings, %s has %d", d.names[0], d.a.Rulings, d.names[1], d.b.Rulings)
	}
	return nil
}
