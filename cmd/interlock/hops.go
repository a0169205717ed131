package main

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/help"
	"github.com/interlock-proxy/interlock/internal/hop"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

func hopsCommand() *cobra.Command {
	var (
		outputs       []string
		since, within time.Duration
	)
	cmd := &cobra.Command{
		Use: "hops NEAR FAR", Short: "Compare both sides of a proxy: what it changed", Args: cobra.ExactArgs(2),
		Long: "Pair the exchanges of two Interlocks around a proxy, and show what the proxy changed. NEAR is the one that clients\n" +
			"reach first. Each is a name of serve --hop in the store, the file of a store, a PostgreSQL URL, or a report of\n" +
			"-o ndjson, -o json or store export. The exit status is 1 if the proxy changes what an upgrade needs or breaks a\n" +
			"rule about proxies, 3 if no exchange was seen on both sides.",
		Example: "  interlock hops edge inner --store postgres://audit@db/interlock\n" +
			"  interlock hops edge.ndjson inner.ndjson\n" +
			"  interlock hops edge.db inner.db --since 1h -o json=hops.json",
		RunE: func(cmd *cobra.Command, names []string) error {
			if within <= 0 || since < 0 {
				return exit.Usage("--within must be more than 0, and --since not less than 0")
			}
			c := config.Defaults()
			storeFlag(cmd, &c)
			sides := run.Sides{Open: func(name string) (*store.Store, error) {
				named := c
				if name != "" {
					named.Store = name
				}
				return config.OpenStore(cmd.Context(), &named, store.Options{Existing: true})
			}}
			if since > 0 {
				sides.Since = time.Now().Add(-since)
			}
			var read [2][]*rules.Ruling
			for i, name := range names {
				var err error
				if read[i], err = sides.Read(cmd.Context(), name); err != nil {
					return exit.Usage("%w", err)
				}
			}
			matched := hop.Match(read[0], read[1], within)
			if matched.Same() {
				return exit.Usage("%s and %s have the same exchanges: give the records of two Interlocks, one before and one after the proxy", names[0], names[1])
			}
			r := hop.Summarize(names[0], names[1], matched)
			screen := terminal.NewScreen(cmd.OutOrStdout(), cmd.ErrOrStderr())
			if err := writeFormats(outputs, screen, formats{
				"text": func(w io.Writer, _ bool) error { return r.Text(w) },
				"json": func(w io.Writer, _ bool) error { return r.JSON(w) },
			}); err != nil {
				return err
			}
			switch {
			case r.Pairs == 0:
				return exit.Unknown("no exchange was seen on both sides: %s has %d, %s has %d", names[0], r.OnlyNear, names[1], r.OnlyFar)
			case r.Matters:
				why := "the hop breaks a rule about proxies"
				if slices.ContainsFunc(r.Changes, func(c hop.Sum) bool { return c.Matters }) {
					why = "the hop changes what an upgrade needs"
				}
				return exit.Error{Status: exit.StatusFound, Err: errors.New(why)}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&outputs, "output", "o", nil, "report as `FORMAT[=FILE]`: text, json (default text)")
	f.DurationVar(&since, "since", 0, "only exchanges younger than `duration`, such as 24h")
	f.DurationVar(&within, "within", 5*time.Second, "`duration` by which the clocks of both sides may differ")
	help.Group(cmd, help.Select, "since", "within")
	storeFlags(cmd)
	outputFlag(cmd, "text", "json")
	return cmd
}
