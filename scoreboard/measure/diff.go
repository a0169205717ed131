package measure

import (
	"fmt"
	"io"
	"slices"

	"github.com/interlock-proxy/interlock/scoreboard/results"
)

// A Difference is what differs between two runs.
type Difference struct {
	Cells    int      // cells of servers that have the same version in both
	Differ   []string // of these: server, probe and both results
	Versions []string // servers whose version differs; their cells are not compared
	Missing  []string // servers and cells that only one run has
}

// Share is the share of compared cells that differ.
func (d *Difference) Share() float64 { return float64(len(d.Differ)) / float64(max(1, d.Cells)) }

// Diff compares two runs.
func Diff(a, b *results.Run) *Difference {
	d := &Difference{}
	for i := range a.Servers {
		s := &a.Servers[i]
		j := slices.IndexFunc(b.Servers, func(o results.Server) bool { return o.ID == s.ID })
		switch {
		case j < 0:
			d.Missing = append(d.Missing, s.ID+": in the first only")
		case s.Version != b.Servers[j].Version:
			d.Versions = append(d.Versions, fmt.Sprintf("%s: %s, then %s", s.ID, s.Version, b.Servers[j].Version))
		default:
			d.compare(s, &b.Servers[j])
		}
	}
	for i := range b.Servers {
		id := b.Servers[i].ID
		if !slices.ContainsFunc(a.Servers, func(o results.Server) bool { return o.ID == id }) {
			d.Missing = append(d.Missing, id+": in the second only")
		}
	}
	slices.Sort(d.Missing)
	return d
}

func (d *Difference) compare(a, b *results.Server) {
	of := map[string]*results.Cell{}
	for i := range b.Cells {
		of[b.Cells[i].Probe] = &b.Cells[i]
	}
	for i := range a.Cells {
		x := &a.Cells[i]
		y := of[x.Probe]
		delete(of, x.Probe)
		if y == nil {
			d.Missing = append(d.Missing, fmt.Sprintf("%s %s: in the first only", a.ID, x.Probe))
			continue
		}
		d.Cells++
		if !Same(x, y) {
			d.Differ = append(d.Differ, fmt.Sprintf("%s %s: %s, then %s", a.ID, x.Probe, brief(x), brief(y)))
		}
	}
	for probe := range of {
		d.Missing = append(d.Missing, fmt.Sprintf("%s %s: in the second only", a.ID, probe))
	}
}

// Write writes the difference for people.
func (d *Difference) Write(w io.Writer) {
	for _, lines := range [][]string{d.Versions, d.Missing, d.Differ} {
		for _, line := range lines {
			fmt.Fprintln(w, line)
		}
	}
	fmt.Fprintf(w, "%d of %d cells differ (%.3f %%)\n", len(d.Differ), d.Cells, 100*d.Share())
}
