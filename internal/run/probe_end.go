package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/printed"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/rules"
)

// FindingsAt says why the exit status is 1.
func FindingsAt(gate rules.Gate, n int) error {
	return fmt.Errorf("findings at %v or over: %d", gate.Least, n)
}

// end closes the reports and says how it all ended. Failed is why the run did not go to its end.
func (p *Probing) end(failed error) error {
	p.unmet = errors.As(failed, new(*probe.TargetError))
	for _, c := range p.was.Controls {
		if c.Accepted && c.Protocol != "http" {
			p.Accepting.Coverage.Switched(rules.Template(p.place.target), c.Protocol)
		}
	}
	p.Accepting.sum(&p.reports.Stream.Summary)
	p.kept.notSent(&p.was, p.target.Address, p.target.Route, rules.Template(p.place.target))
	unwritten := errors.Join(p.kept.end(&p.reports.Stream.Summary), p.reports.Close())
	if p.tally.gated > 0 {
		p.Accepting.hint(p.Flags.Outputs)
		text := fmt.Sprintf("findings at %v or over: %d", p.Gate.Least, p.tally.gated)
		if why := crashed(&p.was); why != "" {
			text += "; " + why
		}
		if unwritten != nil {
			text += "; " + unwritten.Error()
		}
		return exit.Error{Status: exit.StatusFound, Err: errors.New(text)}
	}
	switch {
	case p.unmet:
		return exit.Unknown("%s", describeTarget(p.place, failed))
	case errors.Is(failed, context.Canceled):
		return exit.Unknown("stopped by a signal: %d of %s were sent", p.was.Sent, printed.Count(len(p.Probes), "probe"))
	case failed != nil:
		return exit.Unknown("%s: %w", p.place, failed)
	case unwritten != nil:
		return exit.Error{Status: exit.StatusUnknown, Err: unwritten}
	}
	return p.inconclusive()
}

// inconclusive is why a run that found nothing says nothing all the same; nil if it does.
func (p *Probing) inconclusive() error {
	s := &p.reports.Stream.Summary
	why := crashed(&p.was)
	switch c := unsolved(&p.was); {
	case c != nil:
		return exit.Unknown("%s: %s; next: %s", p.place, why, p.apart(c))
	case why != "":
		return exit.Unknown("%s: %s", p.place, why)
	case p.tally.conclusive == 0:
		text := fmt.Sprintf("0 of %s conclusive", printed.Count(len(p.Probes), "probe"))
		if k := cmp.Or(p.failedControl(), p.lostControl()); k != nil {
			return exit.Unknown("%s: %s; next: %s", text, k.came(), k.next())
		}
		return exit.Unknown("%s: %d unclear, %d n/a, %d not sent", text, s.Verdicts[rules.Unclear], s.Verdicts[rules.NotApplicable], s.NotSent)
	}
	if missing := p.missingSeeds(); len(missing) > 0 {
		return exit.Unknown("not sent, and not left out by name: %s; see the reasons above, or leave them out with --skip %s",
			strings.Join(missing, ", "), strings.Join(missing, ","))
	}
	return p.Accepting.uncovered()
}
