package server

import (
	"context"

	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/internal/web"
	"github.com/interlock-proxy/interlock/rules"
)

// observe passes every ruling to Prometheus, and to the collectors if there are any.
func (s *Serving) observe(ctx context.Context, kept *storage) (err error) {
	if s.traces, err = s.config.Otel.Tracer(ctx, s.audit.Instance, s.Out.Log); err != nil {
		return err
	}
	if s.rulings, err = s.config.Otel.OpenRulings(ctx, s.audit.Instance, s.Out.Log, report.Element); err != nil {
		s.traces.Close()
		return err
	}
	s.metrics = &web.Metrics{Version: version.String(), Routes: s.config.RouteNames(), Relay: s.Relay, Audit: s.audit, Writer: kept.writer, Instances: kept.fleet.counts}
	s.audit.Each = both(s.audit.Each, s.metrics.Observe)
	if s.traces != nil {
		s.metrics.Dropped = s.traces.Dropped
	}
	if s.rulings != nil {
		s.metrics.DroppedRulings = s.rulings.Dropped
	}
	if s.traces != nil || s.rulings != nil {
		s.audit.Each = both(s.audit.Each, func(r *rules.Ruling) { s.rulings.Observe(r, s.traces.Observe(r)) })
	}
	return nil
}

// runResult returns the result of a probe run in the words of its metric.
func runResult(ctx context.Context, fails int64, err error) string {
	switch {
	case ctx.Err() != nil:
		return "cancelled"
	case err != nil:
		return "error"
	case fails > 0:
		return "findings"
	}
	return "clean"
}

// both passes a ruling to two functions; the first one may be nil.
func both(first, second func(*rules.Ruling)) func(*rules.Ruling) {
	if first == nil {
		return second
	}
	return func(r *rules.Ruling) {
		first(r)
		second(r)
	}
}
