package ui

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// The bounds of the overview.
const (
	lastFindings = 8
	maxCovered   = 12
)

// overviewView is how everything is.
type overviewView struct {
	Status    Status   `json:"status"`
	Lead      string   `json:"lead"`  // the overall result in a sentence
	First     bool     `json:"-"`     // nothing was seen yet
	Guide     *guide   `json:"guide"` // null as soon as something was seen
	Verdicts  []tile   `json:"verdicts"`
	Unsafe    int64    `json:"unsafe"`
	Exchanges int64    `json:"exchanges"`
	Pieces    []bar    `json:"-"` // of the line over all verdicts
	Chart     chart    `json:"chart"`
	Coverage  coverage `json:"coverage"`
	Findings  []place  `json:"findings"`        // the latest
	Error     string   `json:"error,omitempty"` // why the store cannot be read
}

// tile is a verdict and how many exchanges have it.
type tile struct {
	Mark  mark  `json:"verdict"`
	Count int64 `json:"count"`
}

// coverage says how much of the service was looked into.
type coverage struct {
	Switched  int              `json:"switched"`
	Kept      int              `json:"ignored"` // offered, and never switched
	Unasked   int              `json:"neverAsked"`
	Endpoints []audit.Endpoint `json:"endpoints"`
	More      int              `json:"more"`
}

// problemOf returns the fault in a sentence: the problem of a finding or, if that is unknown, the
// requirement of its rule.
func problemOf(rule, detail string) string {
	if detail != "" {
		return text(detail)
	}
	if r := rules.Find(rule); r != nil {
		return r.Label
	}
	return ""
}

func (u *site) overview(r *http.Request) (sheet, error) {
	v := overviewView{Coverage: u.coverage()}
	if u.Status != nil {
		v.Status = u.Status()
	}
	if err := u.numbers(r.Context(), &v, r.FormValue("range"), r.FormValue("by")); err != nil {
		v.Error = err.Error()
	}
	if v.First && v.Error == "" {
		g := u.guide(r)
		v.Guide = &g
	}
	return sheet{Title: "Overview", View: v, Follow: u.Events, Names: u.EventNames}, nil
}

// numbers asks the store.
func (u *site) numbers(ctx context.Context, v *overviewView, stretchOf, by string) error {
	s, err := u.kept()
	if err != nil {
		return err
	}
	sums, err := s.Totals(ctx)
	if err != nil {
		return err
	}
	v.count(sums.Verdicts)
	v.Unsafe = sums.Unsafe
	all := stretches()
	of := all[max(0, slices.IndexFunc(all, func(each stretch) bool { return each.name == stretchOf }))]
	now := time.Now()
	minutes, err := s.Stretches(ctx, now.Add(-of.all), time.Time{}, of.step())
	if err != nil {
		return err
	}
	if by != "protocol" {
		by = "verdict"
	}
	v.Chart = newChart(minutes, by, of, now)
	for _, each := range all {
		v.Chart.Ranges = append(v.Chart.Ranges, choice{each.name, each.name + "&by=" + by, each.name == of.name})
	}
	for _, each := range []string{"verdict", "protocol"} {
		v.Chart.Stacks = append(v.Chart.Stacks, choice{"by " + each, of.name + "&by=" + each, each == by})
	}
	findings, err := s.Findings(ctx, store.Query{Verdicts: store.AtLeast(rules.Unclear)})
	if err != nil {
		return err
	}
	v.lead(findings)
	for _, b := range store.ByRule(findings) {
		for i := range b.Places {
			v.Findings = append(v.Findings, newPlace(b.Rule, &b.Places[i]))
		}
	}
	slices.SortStableFunc(v.Findings, func(a, b place) int { return b.LastSeen.Compare(a.LastSeen) })
	v.Findings = v.Findings[:min(len(v.Findings), lastFindings)]
	v.First = v.Exchanges == 0 && len(findings) == 0 && len(v.Coverage.Endpoints) == 0
	if v.First {
		v.First, err = u.empty(ctx)
	}
	return err
}

// lead returns the overall result. Findings are sorted, the worst first.
func (v *overviewView) lead(findings []store.Finding) {
	live := slices.IndexFunc(findings, func(f store.Finding) bool { return f.Probe == "" })
	probed := slices.IndexFunc(findings, func(f store.Finding) bool { return f.Probe != "" && f.Unsafe })
	switch fails := v.Verdicts[rules.Fail].Count; {
	case v.Unsafe > 0 && live >= 0:
		f := &findings[live]
		v.Lead = fmt.Sprintf("Not safe: %s in %s of live traffic. Worst, at %s: %s", unsafeSwitches(v.Unsafe), printed.Count(v.Exchanges, "exchange"),
			text(f.Endpoint), problemOf(f.Rule, f.Detail))
	case probed >= 0:
		f := &findings[probed]
		v.Lead = fmt.Sprintf("Not safe: probes found unsafe switches. Worst, at %s: %s", text(f.Endpoint), problemOf(f.Rule, f.Detail))
	case fails > 0:
		v.Lead = fmt.Sprintf("%s of live traffic violated a rule. No unsafe switch so far.", printed.Count(fails, "exchange"))
	case v.Exchanges > 0:
		v.Lead = fmt.Sprintf("No violations in %s of live traffic.", printed.Count(v.Exchanges, "exchange"))
	}
}

func unsafeSwitches(n int64) string {
	if n == 1 {
		return "1 unsafe switch"
	}
	return printed.Thousands(n) + " unsafe switches"
}

// count makes tiles, and the line over all of them.
func (v *overviewView) count(sums [rules.NotApplicable + 1]int64) {
	for _, m := range marks() {
		v.Verdicts = append(v.Verdicts, tile{m, sums[m.Verdict]})
		v.Exchanges += sums[m.Verdict]
	}
	at := 0.0
	for _, t := range v.Verdicts {
		if t.Count == 0 {
			continue
		}
		width := 1000 * float64(t.Count) / float64(v.Exchanges)
		v.Pieces = append(v.Pieces, bar{Class: "fill-" + t.Mark.Class(), X: at, Width: width, Title: printed.Count(t.Count, "exchange") + ": " + t.Mark.Word()})
		at += width
	}
}

// coverage asks the audit, the endpoints with the most exchanges first.
func (u *site) coverage() (c coverage) {
	c.Endpoints = []audit.Endpoint{}
	if u.Audit == nil {
		return c
	}
	all := u.Audit.Endpoints()
	for _, e := range all {
		switch {
		case e.Switched > 0:
			c.Switched++
		case e.Exchanges > 0:
			c.Kept++
		default:
			c.Unasked++
		}
	}
	slices.SortStableFunc(all, func(a, b audit.Endpoint) int { return int(b.Exchanges - a.Exchanges) })
	c.Endpoints = all[:min(len(all), maxCovered)]
	c.More = len(all) - len(c.Endpoints)
	return c
}
