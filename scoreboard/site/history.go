package site

import (
	"slices"

	"github.com/interlock-proxy/interlock/scoreboard/results"
)

// A step is what changed from one run to the next.
type step struct {
	New, Old    *results.Run
	Servers     []serverStep // those that changed, by ID
	Added, Gone []*results.Server
	Compared    int // cells that both have
	Changed     int // cells of which the verdict or the status changed
	NewProbes   []string
	GoneProbes  []string
}

// A serverStep is what changed at one server.
type serverStep struct {
	ID, Name      string
	Before, After string // its versions
	Cells         []cellStep
}

// Updated reports whether the version changed.
func (s *serverStep) Updated() bool { return s.Before != s.After }

// A cellStep is a cell that changed.
type cellStep struct {
	Probe         string
	Before, After *results.Cell
}

// stepOf compares two runs.
func stepOf(newer, older *results.Run) step {
	st := step{New: newer, Old: older}
	before := map[string]*results.Server{}
	for i := range older.Servers {
		before[older.Servers[i].ID] = &older.Servers[i]
	}
	for i := range newer.Servers {
		now := &newer.Servers[i]
		was := before[now.ID]
		delete(before, now.ID)
		if was == nil {
			st.Added = append(st.Added, now)
			continue
		}
		if s := st.compare(now, was); s.Updated() || len(s.Cells) > 0 {
			st.Servers = append(st.Servers, s)
		}
	}
	for i := range older.Servers {
		if before[older.Servers[i].ID] != nil {
			st.Gone = append(st.Gone, &older.Servers[i])
		}
	}
	now, was := probesOf(newer), probesOf(older)
	st.NewProbes = without(now, was)
	st.GoneProbes = without(was, now)
	return st
}

// compare compares the cells of a server.
func (st *step) compare(now, was *results.Server) serverStep {
	s := serverStep{ID: now.ID, Name: now.Name, Before: was.Version, After: now.Version}
	before := map[string]*results.Cell{}
	for i := range was.Cells {
		before[was.Cells[i].Probe] = &was.Cells[i]
	}
	for i := range now.Cells {
		after := &now.Cells[i]
		c := before[after.Probe]
		if c == nil {
			continue
		}
		st.Compared++
		if c.Verdict != after.Verdict || c.Status != after.Status {
			s.Cells = append(s.Cells, cellStep{after.Probe, c, after})
		}
	}
	st.Changed += len(s.Cells)
	return s
}

// probesOf returns the IDs of all probes of a run.
func probesOf(r *results.Run) map[string]bool {
	all := map[string]bool{}
	for _, s := range r.Servers {
		for _, c := range s.Cells {
			all[c.Probe] = true
		}
	}
	return all
}

// without returns what the second set lacks, in order.
func without(all, others map[string]bool) (left []string) {
	for id := range all {
		if !others[id] {
			left = append(left, id)
		}
	}
	slices.Sort(left)
	return left
}
