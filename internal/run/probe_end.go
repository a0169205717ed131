package run

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/rules"
)

// FindingsAt returns the error for findings at or above the threshold.
func FindingsAt(gate rules.Gate, n int) error {
	return fmt.Errorf("%s at or above --fail-on %v", printed.Count(n, "finding"), gate.Least)
}

// end closes the reports and returns the result as an error.
func (p *Probing) end() error {
	gated := 0
	for _, s := range p.sites {
		gated += s.tally.gated
		for _, c := range s.was.Controls {
			if protocol := c.Offers(); c.Accepted && protocol != "" {
				p.Accepting.Coverage.Switched(s.template(), protocol)
				p.reports.Stream.Switched(s.target.Route, s.template())
			}
		}
		if s.failed != nil || s.was.Gone {
			p.kept.stopped()
		}
		p.kept.notSent(&s.was, s.target.Address, s.target.Route, s.template())
	}
	p.Accepting.sum(&p.reports.Stream.Summary)
	unwritten := errors.Join(p.kept.end(&p.reports.Stream.Summary), p.reports.Close())
	p.answer()
	if gated > 0 {
		if !p.Flags.Quiet {
			p.Accepting.hint(p.Flags.Outputs)
		}
		why := []string{FindingsAt(p.Gate, gated).Error()}
		for _, s := range p.sites {
			if text := crashed(&s.was); text != "" {
				why = append(why, text)
			} else if s.failed != nil {
				why = append(why, s.inconclusive().Error())
			}
		}
		if unwritten != nil {
			why = append(why, unwritten.Error())
		}
		return exit.Error{Status: exit.StatusFound, Err: errors.New(strings.Join(why, "; "))}
	}
	var why []string
	for _, s := range p.sites {
		if err := s.inconclusive(); err != nil {
			why = append(why, err.Error())
		}
	}
	switch {
	case len(why) == 0 && unwritten != nil:
		return exit.Error{Status: exit.StatusUnknown, Err: unwritten}
	case len(why) == 0:
		return p.Accepting.uncovered()
	}
	return exit.Unknown("%s", strings.Join(why, "\n"))
}

// answer writes the headline and the result to standard error if no report for people is shown.
func (p *Probing) answer() {
	if p.Flags.Quiet || len(p.Flags.Outputs) == 0 || slices.ContainsFunc(p.Flags.Outputs, isShownText) {
		return
	}
	t := &probeText{w: p.Screen.Stderr, run: p, columns: unlimited, marks: terminal.NewConsole(p.Screen.Stderr, p.Flags.ASCII)}
	sites := t.shown()
	if len(sites) == 0 {
		return
	}
	var b bytes.Buffer
	t.headlines(&b, sites)
	fmt.Fprintf(&b, " %s\n", p.reports.Stream.Summary.Result())
	_ = t.flush(&b) // an error of standard error cannot be reported
}

// inconclusive returns why a site without failures is not known to be safe; nil if it is.
func (s *site) inconclusive() error {
	why, prefix := crashed(&s.was), ""
	if len(s.run.sites) > 1 {
		prefix = s.place.String() + ": "
	}
	switch c := unsolved(&s.was); {
	case s.unmet():
		return exit.Unknown("%s", describeTarget(s.place, s.failed))
	case errors.Is(s.failed, context.Canceled):
		return exit.Unknown("%sstopped by a signal: %d of %s were sent", prefix, s.was.Sent, printed.Count(results(s.probes), "probe"))
	case s.failed != nil:
		return exit.Unknown("%s: %w", s.place, s.failed)
	case c != nil:
		return exit.Unknown("%s: %s; next: %s", s.place, why, s.apart(c))
	case why != "":
		return exit.Unknown("%s: %s", s.place, why)
	case s.tally.conclusive == 0:
		text := fmt.Sprintf("%s0 of %s conclusive", prefix, printed.Count(results(s.probes), "probe"))
		if k := cmp.Or(s.failedControl(), s.lostControl()); k != nil {
			return exit.Unknown("%s: %s; next: %s", text, k.came(), k.next())
		}
		return exit.Unknown("%s: %d unclear, %d n/a, %d not sent", text, s.tally.verdicts[rules.Unclear], s.tally.verdicts[rules.NotApplicable], len(s.was.NotSent))
	}
	if missing := s.missingSeeds(); len(missing) > 0 {
		return exit.Unknown("%snot sent, and not left out by name: %s; see the reasons above, or leave them out with --skip %s",
			prefix, strings.Join(missing, ", "), strings.Join(missing, ","))
	}
	return nil
}
