package main

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/help"
	"github.com/interlock-proxy/interlock/internal/run"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

// queryFlags are the flags that say which exchanges of the store are meant.
type queryFlags struct {
	since                                        time.Duration
	run, rule, endpoint, route, origin, protocol string
	verdict, probe, id                           string
	status                                       int
	live, unsafe                                 bool
	selection
}

func (f *queryFlags) add(cmd *cobra.Command) {
	s := cmd.Flags()
	s.DurationVar(&f.since, "since", 0, "only exchanges younger than `duration`, such as 24h")
	s.StringVar(&f.run, "run", "", "only this `run`: an ID or its beginning, last, last~1")
	s.BoolVar(&f.live, "live", false, "only live traffic")
	s.StringVar(&f.rule, "rule", "", "only exchanges that violate this `rule` (* matches all)")
	s.StringVar(&f.endpoint, "endpoint", "", "only this `endpoint` (* matches any text)")
	s.StringVar(&f.route, "route", "", "only this `route`")
	s.StringVar(&f.origin, "origin", "", "only this `origin`: live, probe, replay, file, chain")
	s.StringVar(&f.protocol, "protocol", "", "only this `protocol`, such as websocket or h2c")
	s.StringVar(&f.probe, "probe", "", "only this `probe`")
	s.StringVar(&f.verdict, "verdict", "", "only this `verdict` or worse: fail, warn, unclear, pass")
	s.IntVar(&f.status, "status", 0, "only this status `code`")
	s.BoolVar(&f.unsafe, "unsafe", false, "only unsafe upgrades")
	s.StringVar(&f.host, "host", "", "only this `host`, with or without a port")
	s.StringVar(&f.backend, "backend", "", "only the backend at this `address`")
	s.StringArrayVar(&f.labels, "label", nil, "only runs with this label `K=V`, repeatable")
	help.Group(cmd, help.Select, "host", "backend", "label", "since", "run", "live", "rule", "endpoint", "route", "origin", "protocol", "probe", "verdict", "status", "unsafe")
	completeFixed(cmd, "origin", "live", "probe", "replay", "file", "chain")
	completeFixed(cmd, "protocol", append(config.Families(), "none")...)
	completeFixed(cmd, "verdict", "fail", "warn", "unclear", "pass")
	complete(cmd, "run", completeRuns)
	complete(cmd, "rule", completeRules)
	complete(cmd, "probe", completeProbes)
	complete(cmd, "endpoint", completeEndpoints)
}

// query returns the query of the flags.
func (f *queryFlags) query(ctx context.Context, s *store.Store) (store.Query, error) {
	q := store.Query{
		ID: f.id, Run: f.run, Live: f.live, Rule: f.rule, Endpoint: f.endpoint, Route: f.route, Origin: f.origin, Protocol: f.protocol,
		Probe: f.probe, Status: f.status, Unsafe: f.unsafe,
	}
	if f.since < 0 {
		return q, exit.Usage("--since must not be less than 0")
	}
	if f.since > 0 {
		q.Since = time.Now().Add(-f.since)
	}
	if err := f.prepare(ctx, s); err != nil {
		return q, err
	}
	if f.verdict != "" {
		v, err := parseVerdict(f.verdict)
		if err != nil {
			return q, exit.Usage("--verdict: %w", err)
		}
		q.Verdicts = store.AtLeast(v)
	}
	if f.run != "" {
		r, err := s.FindRun(ctx, f.run)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrAmbiguous) {
			return q, exit.Usage("--run: %w; interlock store runs lists them", err)
		}
		if err != nil {
			return q, exit.Unknown("%w", err)
		}
		q.Run = r.ID
	}
	return q, nil
}

func parseVerdict(text string) (rules.Verdict, error) {
	for v := rules.Fail; v <= rules.Pass; v++ {
		if v.String() == text {
			return v, nil
		}
	}
	return 0, errors.New(`must be fail, warn, unclear or pass`)
}

// storeFlags add the flags by which a command finds the store.
func storeFlags(cmd *cobra.Command) {
	cmd.Flags().String("store", "", "the store: `file` or PostgreSQL URL")
	help.Group(cmd, help.Output, "store")
	help.Variable(cmd, "store")
}

// storeFlag returns the store of a command that has storeFlags.
func storeFlag(cmd *cobra.Command, c *config.Config) {
	f := cmd.Flags().Lookup("store")
	if f == nil {
		return
	}
	if text, ok := config.LookupVariable("store"); ok {
		c.Store = text
	}
	if f.Changed {
		c.Store = f.Value.String()
	}
}

// storeOf opens the store of a command, which must exist.
func storeOf(cmd *cobra.Command, c *config.Config) (*store.Store, error) {
	storeFlag(cmd, c)
	if c.Store == "memory" {
		return nil, exit.Usage("--store: a store in memory ends with its process; name a file or a PostgreSQL URL")
	}
	return config.OpenStore(cmd.Context(), c, store.Options{Existing: true})
}

func reportCommand() *cobra.Command {
	var (
		ascii   bool
		outputs []string
		filter  queryFlags
	)
	cmd := &cobra.Command{
		Use: "report", Short: "Write reports about stored exchanges", Args: cobra.NoArgs,
		Long: "Write reports about stored exchanges, in any format. Findings are as they were when an exchange was recorded.",
		Example: "  interlock report --since 24h\n" +
			"  interlock report --run last -o text -o html=report.html -o junit=report.xml\n" +
			"  interlock report --unsafe --endpoint '/api/*' -o sarif=unsafe.sarif",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, gate, err := loadRules(cmd)
			if err != nil {
				return err
			}
			s, err := storeOf(cmd, &c)
			if err != nil {
				return err
			}
			defer s.Close()
			query, err := filter.query(cmd.Context(), s)
			if err != nil {
				return err
			}
			screen := terminal.NewScreen(cmd.OutOrStdout(), cmd.ErrOrStderr())
			options, err := reportOptions(cmd, &c, ascii)
			if err != nil {
				return err
			}
			options.Gate = &gate
			r, err := run.OpenReports(outputs, screen, options, nil)
			if err != nil {
				return err
			}
			collectLess()
			t := telling{gate: gate, reports: r, screen: screen, selection: &filter.selection}
			return t.end(t.tell(cmd.Context(), s, query))
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&outputs, "output", "o", nil, outputUsage)
	filter.add(cmd)
	storeFlags(cmd)
	gateFlags(cmd)
	locationFlag(cmd)
	asciiFlag(cmd, &ascii)
	outputFlag(cmd)
	return cmd
}

// collectLess collects garbage less often than by default, unless the environment says how often: a report
// keeps a few MiB however many exchanges it reads, and makes garbage of each.
func collectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(250)
	}
}

// telling is one run of report.
type telling struct {
	gate    rules.Gate
	reports *run.Reports
	screen  *terminal.Screen
	gated   int

	selection *selection // nil: everything
}

// tell writes the rulings of a query to the reports.
func (t *telling) tell(ctx context.Context, s *store.Store, q store.Query) error {
	total, err := s.Count(ctx, q)
	if err != nil {
		return err
	}
	step, done := t.screen.Steps("exchanges")
	defer done()
	n := 0
	return s.Rulings(ctx, q, func(r *rules.Ruling) error {
		if n++; n%100 == 0 {
			step(n, int(total))
		}
		if !t.selection.takes(r) {
			return nil
		}
		for i := range r.Findings {
			if t.gate.Holds(&r.Findings[i]) {
				t.gated++
			}
		}
		t.reports.Stream.Write(r)
		return nil
	})
}

// end closes the reports and says how it all ended.
func (t *telling) end(failed error) error {
	unwritten := t.reports.Close()
	switch s := &t.reports.Stream.Summary; {
	case failed != nil:
		return exit.Unknown("%w", failed)
	case t.gated > 0:
		return exit.Error{Status: exit.StatusFound, Err: errors.Join(run.FindingsAt(t.gate, t.gated), unwritten)}
	case unwritten != nil:
		return exit.Error{Status: exit.StatusUnknown, Err: unwritten}
	case s.Conclusive() == 0:
		return exit.Unknown("nothing conclusive: the store has no conclusive exchange of this kind")
	}
	return nil
}
