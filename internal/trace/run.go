package trace

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/interlock-proxy/interlock/rules"
)

// A Run is the trace of a probe run. A nil Run does nothing.
type Run struct {
	tracer *Tracer
	ctx    context.Context
	span   trace.Span
}

// Begin begins the span of a probe run: its name, the protocol of the handshake that it is built
// on, and where it goes.
func (t *Tracer) Begin(run, protocol, route, endpoint, backend string) *Run {
	if t == nil || !t.room() {
		return nil
	}
	ctx, s := t.spans.Start(context.Background(), "probe run "+protocol+" "+route, trace.WithAttributes(
		attribute.String("interlock.run", run), attribute.String("interlock.route", route), attribute.String("interlock.protocol", protocol),
		attribute.String("interlock.backend", backend), semconv.URLTemplate(endpoint),
	))
	return &Run{tracer: t, ctx: ctx, span: s}
}

// Observe makes a span of a probe that was sent.
func (r *Run) Observe(ruling *rules.Ruling) {
	if r != nil && r.span.IsRecording() {
		r.tracer.exchange(r.ctx, "probe", trace.SpanKindClient, ruling)
	}
}

// End ends the span of the run: how many probes were sent and how many not, how many failed, and
// why the run broke off, if it did.
func (r *Run) End(sent, notSent, failed int64, err error) {
	if r == nil {
		return
	}
	if !r.span.IsRecording() {
		r.tracer.waiting.Add(-1)
		return
	}
	r.span.SetAttributes(attribute.Int64("interlock.probes.sent", sent), attribute.Int64("interlock.probes.not_sent", notSent), attribute.Int64("interlock.probes.fail", failed))
	if err != nil {
		r.span.SetStatus(codes.Error, err.Error())
	}
	r.span.End()
}
