package run

import (
	"context"
	"errors"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/rules"
)

// A site is one endpoint that is probed, and what came of it.
type site struct {
	run    *Probing
	place  place
	target probe.Target
	direct *direct // nil: none was named

	tally  tally
	met    []probe.Control // what the valid handshakes got before the first probe
	was    probe.Report
	failed error             // why the run did not go to its end
	faults map[string]string // whose fault a failure is, by ID of the probe
	faulty []string          // these IDs, in their order
}

// template is the endpoint without what differs from client to client.
func (s *site) template() string { return rules.Template(s.place.target) }

// unmet reports whether the target cannot be probed at all.
func (s *site) unmet() bool { return errors.As(s.failed, new(*probe.TargetError)) }

// probe sends the probes. Its error is why that did not go to its end.
func (s *site) probe(ctx context.Context) error {
	s.run.current = s
	if err := ctx.Err(); err != nil {
		return err
	}
	var err error
	s.was, err = s.send(ctx, s.target, s.run.Probes, s.entered)
	if err == nil && s.direct != nil {
		err = s.compare(ctx)
	}
	sum := &s.run.reports.Stream.Summary
	sum.Probed, sum.NotSent, sum.Gone = true, sum.NotSent+int64(len(s.was.NotSent)), sum.Gone || s.was.Gone
	return err
}

// document is what the document of the run says of the site beside the rulings.
func (s *site) document() report.ProbeEndpoint {
	e := server.DescribeRun(&s.was, s.target.Address, s.run.Config.RuleOptions().Redact.Target(s.place.target))
	e.Route, e.Faults = s.target.Route, s.faults
	return e
}
