package run

import (
	"context"
	"errors"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/rules"
)

// A site is one endpoint that is probed, and its results.
type site struct {
	run     *Probing
	place   place
	target  probe.Target
	probes  []*rules.Probe // those that can be sent in these versions of HTTP
	version probe.HTTP
	direct  *direct // nil: none was named

	tally  tally
	met    []probe.Control // results of the valid handshakes before the first probe
	was    probe.Report
	failed error             // why the run did not go to its end
	faults map[string]string // whose fault a failure is, by ID of the probe
	faulty []string          // these IDs, in their order
}

// template returns the endpoint template of the site.
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
	s.was, err = s.send(ctx, s.target, s.probes, s.entered)
	if err == nil && s.direct != nil {
		err = s.compare(ctx)
	}
	sum := &s.run.reports.Stream.Summary
	sum.Probed, sum.NotSent, sum.Gone = true, sum.NotSent+int64(len(s.was.NotSent)), sum.Gone || s.was.Gone
	return err
}

// document returns the data of the site beside its rulings.
func (s *site) document() report.ProbeEndpoint {
	e := server.DescribeRun(&s.was, s.target.Address, s.run.Config.RuleOptions().Redact.Target(s.place.target))
	e.URL, e.Route, e.Faults = s.place.String(), s.target.Route, s.faults
	return e
}
