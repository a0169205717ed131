package ui

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// maxPassages is how many results a page shows with both sides.
const maxPassages = 150

// chainView is a run of interlock chain: what proxies did to upgrades.
type chainView struct {
	Run      string     `json:"run"` // empty: there is none
	Stored   *store.Run `json:"stored"`
	Runs     []runLine  `json:"runs"`
	Answers  []answer   `json:"answers"`
	Matrix   matrix     `json:"matrix"`
	Passages []passage  `json:"results"` // those that did not pass, the worst first
	More     int        `json:"more"`    // of these, those that are not in the list
	Failing  bool       `json:"-"`
	Formats  []string   `json:"-"`
}

// passage is a result with both sides of the proxy.
type passage struct {
	Probe    string           `json:"probe"`
	Label    string           `json:"label"`    // what it sends
	Expected string           `json:"expected"` // what a correct proxy does
	Hop      string           `json:"hop"`
	Exchange string           `json:"exchange"`
	Mark     mark             `json:"verdict"`
	Sides    []report.Passage `json:"sides"`
	Findings []shownFinding   `json:"-"`
	Why      []ownWhy         `json:"-"`
	Again    string           `json:"again"`
	severity rules.Severity
}

func (u *site) chain(r *http.Request) (sheet, error) {
	v := chainView{Run: r.PathValue("run"), Failing: r.FormValue("show") == "failing", Runs: []runLine{}, Passages: []passage{}, Formats: formats()}
	s, err := u.kept()
	if err != nil {
		return sheet{}, err
	}
	if err := v.list(r.Context(), s); err != nil {
		return sheet{}, err
	}
	out := sheet{Title: "Chain", Wide: true}
	if v.Run != "" {
		if err := v.read(r.Context(), s); err != nil {
			return sheet{}, err
		}
	}
	out.View = v
	return out, nil
}

// list puts the latest runs of chain to the view. If no run is wanted, the latest is shown.
func (v *chainView) list(ctx context.Context, s *store.Store) error {
	runs, err := s.Runs(ctx)
	if err != nil {
		return err
	}
	runs = slices.DeleteFunc(runs, func(run store.Run) bool { return run.Origin != string(wire.OriginChain) })
	sums, err := s.ResultCounts(ctx)
	if err != nil {
		return err
	}
	for _, run := range runs[:min(len(runs), maxRuns)] {
		v.Runs = append(v.Runs, runLine{run, sums[run.ID]})
	}
	if v.Run == "" && len(runs) > 0 {
		v.Run = runs[0].ID
	}
	return nil
}

// read takes the results of the run, and both sides of those that did not pass.
func (v *chainView) read(ctx context.Context, s *store.Store) error {
	results, err := s.Results(ctx, v.Run)
	if err != nil {
		return err
	}
	run, err := s.Run(ctx, v.Run)
	switch {
	case err == nil:
		v.Stored = &run
	case !errors.Is(err, store.ErrNotFound):
		return err
	case len(results) == 0:
		return errMissing
	}
	v.Matrix, v.Answers = newMatrix(results, v.Failing), blames(results, v.Stored)
	for i := range v.Matrix.Rows {
		row := &v.Matrix.Rows[i]
		if p := chain.FindProbe(row.Probe); p != nil {
			row.Title, row.Rule = p.Label, p.Rule
		}
	}
	err = s.Rulings(ctx, store.Query{Run: v.Run, Verdicts: store.AtLeast(rules.Unclear)}, func(ruling *rules.Ruling) error {
		p, err := passageOf(ruling)
		v.Passages = append(v.Passages, p)
		return err
	})
	slices.SortStableFunc(v.Passages, func(a, b passage) int {
		return cmp.Or(cmp.Compare(a.Mark.Verdict, b.Mark.Verdict), cmp.Compare(b.severity, a.severity), strings.Compare(a.Probe, b.Probe), strings.Compare(a.Hop, b.Hop))
	})
	if v.More = max(len(v.Passages)-maxPassages, 0); v.More > 0 {
		v.Passages = v.Passages[:maxPassages]
	}
	return err
}

// passageOf returns what is shown of a ruling.
func passageOf(r *rules.Ruling) (passage, error) {
	e := exchangeView{row: rowOf(r), Ruling: r}
	e.judge()
	p := passage{
		Probe: r.X.Probe, Hop: r.X.Route, Exchange: r.X.ID, Mark: mark{r.Verdict}, Findings: e.Findings, Why: why(r), Again: report.Again(r), severity: r.Severity(),
	}
	if is := chain.FindProbe(p.Probe); is != nil {
		p.Label, p.Expected = is.Label, is.Want
	}
	var err error
	p.Sides, err = report.Sides(r)
	return p, err
}

// Shown reports whether the page has both sides of an exchange.
func (v chainView) Shown(exchange string) bool {
	return slices.ContainsFunc(v.Passages, func(p passage) bool { return p.Exchange == exchange })
}

// sideOfHop is one side of a passage, in a template.
type sideOfHop struct {
	Title string
	report.Side
}

// Sides are both sides, with the name of each for readers that do not see them next to each other.
func (n partOf) Sides() []sideOfHop {
	var all []sideOfHop
	passages, _ := n.Content.([]report.Passage)
	for i := range passages {
		p := &passages[i]
		if p.Far.Sign == "" {
			all = append(all, sideOfHop{p.Title, p.Near})
			continue
		}
		all = append(all, sideOfHop{p.Title + " · client side", p.Near}, sideOfHop{p.Title + " · server side", p.Far})
	}
	return all
}
