package ui

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
)

// A matrix has the results of probes: a row for each probe, a column for each endpoint.
type matrix struct {
	Columns []column    `json:"endpoints"`
	Rows    []matrixRow `json:"probes"`
	Counts  []tile      `json:"counts"`
	NotSent int         `json:"notSent"`
}

// Results is how many results there are in it.
func (m matrix) Results() (n int) {
	for _, t := range m.Counts {
		n += int(t.Count)
	}
	return n + m.NotSent
}

// column is an endpoint at a backend, in a run.
type column struct {
	Route    string `json:"route"`
	Endpoint string `json:"endpoint"`
	Backend  string `json:"backend"`
	Run      string `json:"run"`
}

type matrixRow struct {
	Probe string  `json:"probe"`
	Title string  `json:"title"`
	Rule  string  `json:"rule"`
	Cells []*cell `json:"cells"` // by column; nil where the probe was not asked for
}

// cell is the result of one probe.
type cell struct {
	Mark     mark   `json:"verdict"`
	Sent     bool   `json:"sent"`
	Status   int    `json:"status"`
	Outcome  string `json:"outcome"`
	Exchange string `json:"exchange"`
	Detail   string `json:"detail"`
	Rule     string `json:"rule"` // of the worst finding, if that is not the probe's rule
}

func cellOf(r *store.Result) *cell {
	c := &cell{Status: r.Status, Outcome: r.Outcome, Exchange: r.Exchange, Detail: cmp.Or(r.Reason, r.Detail)}
	c.Mark, c.Sent = parseMark(r.Verdict)
	if c.Sent && c.Mark.Verdict < rules.Pass && r.Rule != sentFor(r) {
		c.Rule = r.Rule
	}
	return c
}

// sentFor is the rule that the probe of a result was sent for.
func sentFor(r *store.Result) string {
	if p := rules.FindProbe(r.Probe); p != nil {
		return p.Rule().ID
	}
	return r.Rule
}

// Accepted reports whether the cell, that of a control, is a handshake that a client would take as accepted.
func (c *cell) Accepted() bool {
	return c.Status == 101 && !slices.Contains([]string{
		"UPGRADE-101-NOT-OFFERED", "UPGRADE-101-NO-UPGRADE", "UPGRADE-WS-ACCEPT-MISSING", "UPGRADE-WS-ACCEPT-WRONG",
	}, c.Rule)
}

// Answer is the server's answer in a few letters.
func (c *cell) Answer() string {
	switch {
	case !c.Sent:
		return "not sent"
	case c.Status != 0:
		return text(c.Status)
	}
	return c.Outcome
}

// newMatrix lays results out. Rows are in the order of their worst verdict, then by probe.
func newMatrix(results []store.Result, failing bool) matrix {
	m := matrix{Columns: []column{}, Rows: []matrixRow{}}
	columns, of := map[column]int{}, map[string]int{}
	for i := range results {
		r := &results[i]
		at := column{r.Route, r.Endpoint, r.Backend, r.Run}
		if _, ok := columns[at]; !ok {
			columns[at] = len(m.Columns)
			m.Columns = append(m.Columns, at)
		}
	}
	counts := map[rules.Verdict]int64{}
	for i := range results {
		r := &results[i]
		j, ok := of[r.Probe]
		if !ok {
			j = len(m.Rows)
			of[r.Probe] = j
			row := matrixRow{Probe: r.Probe, Rule: sentFor(r), Cells: make([]*cell, len(m.Columns))}
			if p := rules.FindProbe(r.Probe); p != nil {
				row.Title = p.Label
			}
			m.Rows = append(m.Rows, row)
		}
		c := cellOf(r)
		if c.Sent {
			counts[c.Mark.Verdict]++
		} else {
			m.NotSent++
		}
		m.Rows[j].Cells[columns[column{r.Route, r.Endpoint, r.Backend, r.Run}]] = c
	}
	for _, k := range marks() {
		m.Counts = append(m.Counts, tile{k, counts[k.Verdict]})
	}
	if failing {
		m.Rows = slices.DeleteFunc(m.Rows, func(r matrixRow) bool { return r.worst() >= int(rules.Pass) })
	}
	slices.SortStableFunc(m.Rows, func(a, b matrixRow) int {
		return cmp.Or(cmp.Compare(a.worst(), b.worst()), strings.Compare(a.Probe, b.Probe))
	})
	return m
}

// worst returns the worst verdict of the row. Probes that were not sent come last.
func (r *matrixRow) worst() int {
	w := int(rules.NotApplicable) + 1
	for _, c := range r.Cells {
		if c != nil && c.Sent {
			w = min(w, int(c.Mark.Verdict))
		}
	}
	return w
}

// maxRuns is how many runs are looked at for the last results of each endpoint.
const maxRuns = 20

// latest are the last results of each endpoint at each backend.
func (u *site) latest(ctx context.Context, runs []store.Run) (all []store.Result, err error) {
	have := map[column]string{}
	for _, run := range runs[:min(len(runs), maxRuns)] {
		results, err := u.Store.Results(ctx, run.ID)
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			at := column{Route: r.Route, Endpoint: r.Endpoint, Backend: r.Backend}
			if have[at] == "" {
				have[at] = run.ID
			}
			if have[at] == run.ID {
				all = append(all, r)
			}
		}
	}
	return all, nil
}
