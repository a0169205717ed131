package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/chain"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A matrix holds the results of probes by endpoint.
type matrix struct {
	cells   map[string]map[endpoint]cell
	columns map[endpoint]bool
	hops    bool  // all of them are proxies
	more    int64 // exchanges of probes beside those in a cell
}

// A cell is the worst result of a probe at an endpoint.
type cell struct {
	Mark     printed.Mark
	Answer   string
	Accepted bool
	Anchor   string // of the cause, where the page has it
	verdict  rules.Verdict
	rule     *rules.Rule // that did not pass; nil: none
	own      *rules.Rule // that the probe was sent for; nil: this version does not know the probe
}

// The bounds of a matrix that people can still read.
const (
	maxRows    = 1000
	maxColumns = 40
)

// add adds a ruling on a probe, and ignores others.
func (m *matrix) add(r *rules.Ruling) {
	if r.X.Probe == "" {
		return
	}
	if m.cells == nil {
		m.cells, m.columns = map[string]map[endpoint]cell{}, map[endpoint]bool{}
	}
	column, row := endpoint{r.X.Route, r.Endpoint}, m.cells[r.X.Probe]
	if row == nil && len(m.cells) == maxRows || !m.columns[column] && len(m.columns) == maxColumns {
		m.more++
		return
	}
	if row == nil {
		row = map[endpoint]cell{}
		m.cells[r.X.Probe] = row
	}
	m.hops = r.X.Origin == wire.OriginChain && (m.hops || len(m.columns) == 0)
	m.columns[column] = true
	v, accepted := standing(r)
	if was, known := row[column]; !known || v < was.verdict {
		c := cell{Mark: printed.MarkOf(v), Answer: answered(r.X), Accepted: accepted, verdict: v, rule: decisive(r, v)}
		if p := rules.FindProbe(r.X.Probe); p != nil {
			c.own = p.Rule()
		} else if p := chain.FindProbe(r.X.Probe); p != nil {
			c.own = rules.Find(p.Rule)
		}
		row[column] = c
	}
}

// decisive is the rule that an exchange counts by, if it did not pass.
func decisive(r *rules.Ruling, v rules.Verdict) *rules.Rule {
	counted := *r
	counted.Verdict = v
	counted.Findings = slices.DeleteFunc(slices.Clone(r.Findings), func(f rules.Finding) bool { return f.State == rules.StateAccepted })
	if f := counted.Worst(); f != nil && v < rules.Pass {
		return f.Rule
	}
	return nil
}

// Other returns the rule that did not pass, if it is not the probe's own.
func (c *cell) Other() string {
	if c.rule == nil || c.own == c.rule {
		return ""
	}
	return c.rule.ID
}

// A matrixRow is a probe and its cells, in the order of the columns; nil where it was not sent.
type matrixRow struct {
	Probe, Title string
	Cells        []*cell
}

// rows are the columns' names and the rows, those with the worst verdict first. Cells lead to a
// cause by its name in anchors.
func (m *matrix) rows(anchors map[rules.Key]string) (columns []string, rows []matrixRow) {
	var order []endpoint
	for e := range m.columns {
		order = append(order, e)
	}
	slices.SortFunc(order, func(a, b endpoint) int {
		return cmp.Or(strings.Compare(a.route, b.route), strings.Compare(a.template, b.template))
	})
	for _, e := range order {
		columns = append(columns, placeOf(e.route, e.template))
	}
	for probe, cells := range m.cells {
		row := matrixRow{Probe: printed.ASCII(probe)}
		row.Title = labelOf(probe)
		for _, e := range order {
			if c, sent := cells[e]; sent {
				if c.rule != nil {
					c.Anchor = anchors[rules.Key{Rule: c.rule.ID, Route: e.route, Endpoint: e.template}]
				}
				row.Cells = append(row.Cells, &c)
			} else {
				row.Cells = append(row.Cells, nil)
			}
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b matrixRow) int {
		return cmp.Or(cmp.Compare(a.worst(), b.worst()), strings.Compare(a.Probe, b.Probe))
	})
	return columns, rows
}

// labelOf says what a probe sends; empty if this version does not know it.
func labelOf(probe string) string {
	if p := rules.FindProbe(probe); p != nil {
		return p.Label
	}
	if p := chain.FindProbe(probe); p != nil {
		return p.Label
	}
	return ""
}

// passed returns the index of the first row without a problem.
func passed(rows []matrixRow) int {
	i := slices.IndexFunc(rows, func(r matrixRow) bool { return r.worst() >= rules.Pass })
	if i < 0 {
		return len(rows)
	}
	return i
}

func (r *matrixRow) worst() rules.Verdict {
	worst := rules.NotApplicable
	for _, c := range r.Cells {
		if c != nil {
			worst = min(worst, c.verdict)
		}
	}
	return worst
}
