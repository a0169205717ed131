package site

import (
	"cmp"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/scoreboard/results"
)

// A board is all runs, as the pages show them.
type board struct {
	Run       *results.Run // the newest
	Families  []*column    // those that have cells
	Servers   []*server    // by name
	Failed    []results.Failed
	Languages []language
	Total     counts
	Steps     []step // the newest first

	rules   string // see Options
	recipes fs.FS  // nil: recipes are not shown
	servers map[string]*server
	probes  map[string]*probe
}

// A column is a family with the probes that were sent.
type column struct {
	family
	Probes []*probe // by ID
	Total  counts
}

// A probe with what each server did.
type probe struct {
	ID      string
	Spec    *rules.Probe // nil: the rulebook does not have it
	Answers []answer     // by the name of the server
	Total   counts
}

// Label says what is special about the probe.
func (p *probe) Label() string {
	if p.Spec == nil {
		return "A probe of another version of Interlock"
	}
	return p.Spec.Label
}

// An answer is the cell of one server.
type answer struct {
	Server *server
	Cell   *results.Cell
}

// A server with its cells by family.
type server struct {
	*results.Server
	Language int // see language
	Total    counts
	Row      []*place // one for each column
}

// Full names the families of which all results are passes.
func (s *server) Full() string {
	return s.where(func(n counts) bool { return n.Full() && !n.Notable() })
}

// Unjudged names the families without a result.
func (s *server) Unjudged() string {
	return s.where(func(n counts) bool { return n.Judged() == 0 && !n.Notable() })
}

func (s *server) where(is func(counts) bool) string {
	var names []string
	for _, p := range s.Row {
		if is(p.Counts) {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names, " · ")
}

// A place is where a server and a family cross.
type place struct {
	*column
	Counts counts
	Cells  []*results.Cell // by probe
}

// A language with how many servers are written in it.
type language struct {
	Number  int // from 1
	Name    string
	Servers int
}

// The names that become names of files.
var (
	serverID = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)
	probeID  = regexp.MustCompile(`^[A-Z0-9]+([._-][A-Z0-9]+)*$`)
)

// maxID bounds the length of an ID.
const maxID = 64

// check says what is wrong with a run that cannot be shown.
func check(r *results.Run) error {
	for _, s := range r.Servers {
		if len(s.ID) > maxID || !serverID.MatchString(s.ID) {
			return fmt.Errorf("the ID %q of a server cannot be a file name: use a-z, 0-9, and . _ - between them", s.ID)
		}
		seen := map[string]bool{}
		for _, c := range s.Cells {
			_, known := verdicts[c.Verdict]
			switch {
			case len(c.Probe) > maxID || !probeID.MatchString(c.Probe):
				return fmt.Errorf("server %s: the ID %q of a probe cannot be a file name", s.ID, c.Probe)
			case !known:
				return fmt.Errorf("server %s: probe %s has the unknown verdict %q", s.ID, c.Probe, c.Verdict)
			case seen[c.Probe]:
				return fmt.Errorf("server %s: probe %s is there twice", s.ID, c.Probe)
			}
			seen[c.Probe] = true
		}
	}
	return nil
}

// newBoard prepares runs for the pages, the newest first.
func newBoard(runs []*results.Run) *board {
	b := &board{Run: runs[0], Failed: runs[0].Failed, servers: map[string]*server{}, probes: map[string]*probe{}}
	b.columns()
	numbers := b.languages()
	for i := range b.Run.Servers {
		s := &server{Server: &b.Run.Servers[i], Language: numbers[b.Run.Servers[i].Language]}
		b.servers[s.ID] = s
		b.Servers = append(b.Servers, s)
	}
	slices.SortFunc(b.Servers, byName)
	for _, s := range b.Servers {
		b.fill(s)
	}
	for i := range len(runs) - 1 {
		b.Steps = append(b.Steps, stepOf(runs[i], runs[i+1]))
	}
	return b
}

// Probed is how many probes were sent.
func (b *board) Probed() int { return len(b.probes) }

// columns makes the columns for all probes of the run.
func (b *board) columns() {
	all := families()
	of := map[string]*column{}
	for _, s := range b.Run.Servers {
		for _, c := range s.Cells {
			if b.probes[c.Probe] != nil {
				continue
			}
			p := &probe{ID: c.Probe, Spec: rules.FindProbe(c.Probe)}
			b.probes[p.ID] = p
			f := familyOf(all, p.ID)
			if of[f.ID] == nil {
				of[f.ID] = &column{family: f}
			}
			of[f.ID].Probes = append(of[f.ID].Probes, p)
		}
	}
	for _, f := range append(all, other) {
		if c := of[f.ID]; c != nil {
			slices.SortFunc(c.Probes, func(p, q *probe) int { return strings.Compare(p.ID, q.ID) })
			b.Families = append(b.Families, c)
		}
	}
}

// languages lists the languages by name, and returns their numbers.
func (b *board) languages() map[string]int {
	count := map[string]int{}
	for _, s := range b.Run.Servers {
		count[s.Language]++
	}
	for name, n := range count {
		b.Languages = append(b.Languages, language{Name: name, Servers: n})
	}
	slices.SortFunc(b.Languages, func(x, y language) int { return compareFolded(x.Name, y.Name) })
	numbers := map[string]int{}
	for i := range b.Languages {
		b.Languages[i].Number = i + 1
		numbers[b.Languages[i].Name] = i + 1
	}
	return numbers
}

// fill adds the cells of a server to its row, to the columns and to the probes.
func (b *board) fill(s *server) {
	cells := map[string]*results.Cell{}
	for i := range s.Cells {
		cells[s.Cells[i].Probe] = &s.Cells[i]
	}
	for _, f := range b.Families {
		at := &place{column: f}
		for _, p := range f.Probes {
			c := cells[p.ID]
			if c == nil {
				continue
			}
			at.Cells = append(at.Cells, c)
			for _, n := range []*counts{&at.Counts, &f.Total, &s.Total, &b.Total, &p.Total} {
				n.add(c)
			}
			p.Answers = append(p.Answers, answer{s, c})
		}
		s.Row = append(s.Row, at)
	}
}

// byName orders servers by name, and a scope of npm by its letters.
func byName(s, t *server) int {
	return cmp.Or(compareFolded(strings.TrimLeft(s.Name, "@"), strings.TrimLeft(t.Name, "@")), strings.Compare(s.ID, t.ID))
}

// byLanguage orders servers by language and then by name.
func byLanguage(s, t *server) int { return cmp.Or(s.Language-t.Language, byName(s, t)) }

// byPassed orders servers by the share of passes, the largest first.
func byPassed(s, t *server) int {
	return cmp.Or(t.Total.Pass*max(s.Total.Judged(), 1)-s.Total.Pass*max(t.Total.Judged(), 1), byName(s, t))
}

func compareFolded(a, b string) int {
	return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
}
