package site

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/scoreboard/results"
)

// A serverView is the page of a server.
type serverView struct {
	*server
	Families []serverFamily // those with a failure, a warning or an unclear answer first
	Notable  int            // how many of them have one
	Sources  []source       // the recipe and the files beside it
	Changes  []serverChange
	Badge    badge
}

// HasPassed reports whether there are families of which all results passed.
func (v serverView) HasPassed() bool { return v.Notable < len(v.Families) }

// A serverFamily is what a server did with the probes of a family.
type serverFamily struct {
	*place
	Rules  []ruleGroup // what did not pass, by rule
	Notes  []ruleGroup // facts
	Passed []*results.Cell
	Not    []reasoned // what is not applicable, by reason
}

// A ruleGroup is the cells of a rule that did not pass.
type ruleGroup struct {
	ID     string
	Rule   *rules.Rule // nil: the rulebook does not have it
	Counts counts
	Cells  []shownCell
	Fixes  *fixes // nil: the rulebook does not have the rule
}

// A shownCell is a cell that did not pass, with its bytes.
type shownCell struct {
	*results.Cell
	Request, Response []line
}

// A reasoned is cells that are not applicable for the same reason.
type reasoned struct {
	Reason string
	Cells  []*results.Cell
}

// A serverChange is what changed at a server from one run to the next.
type serverChange struct {
	Step *step
	serverStep
}

func (b *board) writeServers(w *writer) error {
	for _, s := range b.Servers {
		v := serverView{server: s, Badge: badgeOf(s)}
		var err error
		if v.Sources, err = b.sources(s.Recipe); err != nil {
			return fmt.Errorf("server %s: %w", s.ID, err)
		}
		for _, at := range s.Row {
			if at.Counts.Notable() {
				v.Notable++
			}
			v.Families = append(v.Families, familyAt(s, at))
		}
		slices.SortStableFunc(v.Families, func(a, b serverFamily) int { return notable(b.Counts) - notable(a.Counts) })
		for i := range b.Steps {
			for _, c := range b.Steps[i].Servers {
				if c.ID == s.ID {
					v.Changes = append(v.Changes, serverChange{&b.Steps[i], c})
				}
			}
		}
		err = b.render(w, "servers/"+s.ID+".html", "server.html", page{
			Tab: "index.html", Title: s.Name + " " + s.Version, View: v,
			About: "What " + s.Name + " " + s.Version + " answers to WebSocket handshakes with one defect each.",
		})
		if err != nil {
			return err
		}
		if err := w.write("badges/"+s.ID+".svg", []byte(v.Badge.SVG())); err != nil {
			return err
		}
	}
	return nil
}

func familyAt(s *server, at *place) serverFamily {
	f := serverFamily{place: at}
	for _, c := range at.Cells {
		switch c.Verdict {
		case "pass":
			f.Passed = append(f.Passed, c)
		case "not-applicable":
			f.skip(reason(s, c), c)
		default:
			f.show(s, c)
		}
	}
	slices.SortStableFunc(f.Rules, func(a, b ruleGroup) int { return worst(b.Counts) - worst(a.Counts) })
	return f
}

func notable(n counts) int {
	if n.Notable() {
		return 1
	}
	return 0
}

// worst orders groups: failures, warnings, then the rest.
func worst(n counts) int {
	switch {
	case n.Fail > 0:
		return 2
	case n.Warn > 0:
		return 1
	}
	return 0
}

// show adds a cell that did not pass to the group of its rule.
func (f *serverFamily) show(s *server, c *results.Cell) {
	groups := &f.Rules
	if isNote(c) {
		groups = &f.Notes
	}
	i := slices.IndexFunc(*groups, func(g ruleGroup) bool { return g.ID == c.Rule })
	if i < 0 {
		i = len(*groups)
		g := ruleGroup{ID: c.Rule, Rule: rules.Find(c.Rule)}
		if g.Rule != nil {
			g.Fixes = fixesFor(g.Rule, s.Server)
		}
		*groups = append(*groups, g)
	}
	g := &(*groups)[i]
	g.Counts.add(c)
	g.Cells = append(g.Cells, shownCell{c, linesOf(c.Request), linesOf(c.Response)})
}

// skip adds a cell that is not applicable.
func (f *serverFamily) skip(reason string, c *results.Cell) {
	i := slices.IndexFunc(f.Not, func(r reasoned) bool { return r.Reason == reason })
	if i < 0 {
		i = len(f.Not)
		f.Not = append(f.Not, reasoned{Reason: reason})
	}
	f.Not[i].Cells = append(f.Not[i].Cells, c)
}

// reason says why a cell is not applicable.
func reason(s *server, c *results.Cell) string {
	if c.Detail != "" {
		return c.Detail
	}
	p := rules.FindProbe(c.Probe)
	if p == nil {
		return "no reason is recorded"
	}
	protocol := p.Control
	if protocol == "" {
		protocol = "websocket"
	}
	sent := false
	for _, k := range s.Controls {
		if k.Protocol == protocol {
			sent = true
			if k.Accepted {
				return "the rule does not apply to what the server answered"
			}
		}
	}
	if sent || p.Control != "" {
		return "the server accepts no valid handshake for " + protocol
	}
	return "the rule does not apply to what the server answered"
}

// Fixes are the lines of a remedy.
type fixes struct {
	General []string
	Own     []string // for the server, or for its language
	Others  []string // for other products
}

// fixesFor divides the remedy of a rule by whom its lines are for. The first line is for all; the
// others begin with the names of products.
func fixesFor(r *rules.Rule, s *results.Server) *fixes {
	f := new(fixes)
	known := words(s.Name + " " + s.ID + " " + s.Language)
	if slices.Contains(known, "javascript") || slices.Contains(known, "typescript") {
		known = append(known, "node.js", "node")
	}
	for i, text := range strings.Split(r.Fix, "\n") {
		products, _, named := strings.Cut(text, ":")
		switch {
		case i == 0 || !named || strings.HasPrefix(text, "Most WebSocket libraries"):
			f.General = append(f.General, text)
		case isNamed(products, known):
			f.Own = append(f.Own, text)
		default:
			f.Others = append(f.Others, text)
		}
	}
	return f
}

// isNamed reports whether all words of one of the products are known.
func isNamed(products string, known []string) bool {
	for product := range strings.SplitSeq(strings.ReplaceAll(products, " and ", ","), ",") {
		name := words(product)
		if len(name) > 0 && !slices.ContainsFunc(name, func(w string) bool { return !slices.Contains(known, w) }) {
			return true
		}
	}
	return false
}

// words returns the words of a text in lower case.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.'
	})
}
