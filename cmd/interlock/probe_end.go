package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
)

// end closes the reports and says how it all ended. Failed is why the run did not go to its end.
func (p *probing) end(failed error) error {
	p.unmet = errors.As(failed, new(*probe.TargetError))
	for _, c := range p.was.Controls {
		if c.Accepted && c.Protocol != "http" {
			p.accepting.coverage.Switched(rules.Template(p.place.target), c.Protocol)
		}
	}
	p.accepting.sum(&p.reports.stream.Summary)
	p.kept.notSent(&p.was, p.target.Address, p.target.Route, rules.Template(p.place.target))
	unwritten := errors.Join(p.kept.end(&p.reports.stream.Summary), p.reports.close())
	if p.tally.gated > 0 {
		p.accepting.hint(p.flags.outputs)
		text := fmt.Sprintf("findings at %v or over: %d", p.gate.Least, p.tally.gated)
		if why := crashed(&p.was); why != "" {
			text += "; " + why
		}
		if unwritten != nil {
			text += "; " + unwritten.Error()
		}
		return exitError{exitFound, errors.New(text)}
	}
	switch {
	case p.unmet:
		return unknown("%s", describeTarget(p.place, failed))
	case errors.Is(failed, context.Canceled):
		return unknown("stopped by a signal: %d of %s were sent", p.was.Sent, count(len(p.probes), "probe"))
	case failed != nil:
		return unknown("%s: %w", p.place, failed)
	case unwritten != nil:
		return exitError{exitUnknown, unwritten}
	}
	return p.inconclusive()
}

// inconclusive is why a run that found nothing says nothing all the same; nil if it does.
func (p *probing) inconclusive() error {
	s := &p.reports.stream.Summary
	why := crashed(&p.was)
	switch c := unsolved(&p.was); {
	case c != nil:
		return unknown("%s: %s; next: %s", p.place, why, p.apart(c))
	case why != "":
		return unknown("%s: %s", p.place, why)
	case p.tally.conclusive == 0:
		text := fmt.Sprintf("0 of %s conclusive", count(len(p.probes), "probe"))
		if k := cmp.Or(p.failedControl(), p.lostControl()); k != nil {
			return unknown("%s: %s; next: %s", text, k.came(), k.next())
		}
		return unknown("%s: %d unclear, %d n/a, %d not sent", text, s.Verdicts[rules.Unclear], s.Verdicts[rules.NotApplicable], s.NotSent)
	}
	if missing := p.missingSeeds(); len(missing) > 0 {
		return unknown("not sent, and not left out by name: %s; see the reasons above, or leave them out with --skip %s",
			strings.Join(missing, ", "), strings.Join(missing, ","))
	}
	return p.accepting.uncovered()
}
