package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

// Accepting compares a run with accepted entries, a baseline and expectations.
type Accepting struct {
	States   accept.States
	Coverage accept.Coverage
	Screen   *terminal.Screen
}

// about drops entries and expectations of other endpoints, which the run cannot show.
func (a *Accepting) about(endpoints []string) {
	a.States.Entries = slices.DeleteFunc(slices.Clone(a.States.Entries), func(e accept.Entry) bool { return !slices.ContainsFunc(endpoints, e.About) })
	a.Coverage.Expected = slices.DeleteFunc(slices.Clone(a.Coverage.Expected), func(e accept.Expectation) bool {
		return !slices.ContainsFunc(endpoints, e.About)
	})
}

// enter takes the next ruling and returns it with the states of its findings.
func (a *Accepting) enter(r *rules.Ruling) *rules.Ruling {
	a.Coverage.Enter(r)
	return a.States.Enter(r)
}

// sum adds to a summary the results that need the whole run.
func (a *Accepting) sum(s *report.Summary) {
	s.NotSeen = a.States.NotSeen()
	s.Remarks = append(s.Remarks, a.States.Remarks()...)
	for _, e := range a.Coverage.Missing() {
		s.Remarks = append(s.Remarks, fmt.Sprintf("%s: %s was expected and did not switch", e.Place, e.String()))
	}
}

// uncovered returns an error that names the expected endpoints that did not switch; nil if all did.
func (a *Accepting) uncovered() error {
	missing := a.Coverage.Missing()
	if len(missing) == 0 {
		return nil
	}
	var names []string
	for _, e := range missing {
		names = append(names, e.String())
	}
	return exit.Unknown("expected endpoints that did not accept an upgrade: %s", strings.Join(names, ", "))
}

// hint explains after a first failed run how to accept its findings.
func (a *Accepting) hint(outputs []string) {
	if a.States.Baseline != nil {
		return
	}
	for _, o := range outputs {
		if format, name, _ := strings.Cut(o, "="); (format == "json" || format == "ndjson") && name != "" && name != "-" {
			a.Screen.Complain("to fail on what is new from here on, keep " + name + " and add --baseline " + name)
			return
		}
	}
	a.Screen.Complain("to fail on what is new from here on, add -o json=baseline.json once, and --baseline baseline.json from then on")
}
