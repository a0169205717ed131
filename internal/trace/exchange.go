package trace

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Observe makes a span of a live exchange as soon as all is known to judge it, and one below it of
// its tunnel when that is over. It never waits. It returns the span of the exchange, if there is one.
func (t *Tracer) Observe(r *rules.Ruling) trace.SpanContext {
	if t == nil || r.X.Origin != wire.OriginLive || r.Before != nil && r.Before.Final {
		return trace.SpanContext{} // of an exchange that is over, the spans are made
	}
	x := r.X
	t.mu.Lock()
	above, again := t.open[x.ID]
	t.mu.Unlock()
	if x.Complete && !again {
		above = t.exchange(context.Background(), "upgrade", trace.SpanKindServer, r)
	}
	over := x.Final && x.Outcome == wire.Switched && !x.Blocked
	if over && above.IsValid() {
		t.tunnel(above, r)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if x.Final {
		delete(t.open, x.ID)
	} else if x.Complete {
		t.open[x.ID] = above
	}
	return above
}

// exchange makes the span of an exchange and returns the context of its children. It returns the
// zero value if there was no room, or the sampler left it out.
func (t *Tracer) exchange(ctx context.Context, verb string, kind trace.SpanKind, r *rules.Ruling) trace.SpanContext {
	if !t.room() {
		return trace.SpanContext{}
	}
	x := r.X
	name := verb + " " + x.Protocol() + " " + x.Route
	if x.Probe != "" {
		name = verb + " " + x.Probe
	}
	_, s := t.spans.Start(ctx, name, trace.WithSpanKind(kind), trace.WithTimestamp(x.Time), links(x))
	if !s.IsRecording() {
		t.waiting.Add(-1)
		return trace.SpanContext{}
	}
	s.SetAttributes(attributes(r)...)
	s.SetAttributes(judged(r)...)
	markFailed(s, r)
	s.End(trace.WithTimestamp(x.Time.Add(x.Took)))
	return s.SpanContext()
}

// tunnel makes the span of a tunnel that is over.
func (t *Tracer) tunnel(above trace.SpanContext, r *rules.Ruling) {
	if !t.room() {
		return
	}
	x := r.X
	began := x.Time.Add(x.Took)
	ctx := trace.ContextWithSpanContext(context.Background(), above)
	_, s := t.spans.Start(ctx, "tunnel "+x.Protocol()+" "+x.Route, trace.WithTimestamp(began))
	if !s.IsRecording() {
		t.waiting.Add(-1)
		return
	}
	s.SetAttributes(
		attribute.String("interlock.exchange", x.ID), attribute.String("interlock.cause", string(x.Cause)),
		attribute.Int64("interlock.tunnel.client_bytes", x.After.ClientBytes), attribute.Int64("interlock.tunnel.server_bytes", x.After.ServerBytes),
	)
	s.SetAttributes(judged(r)...)
	markFailed(s, r)
	s.End(trace.WithTimestamp(began.Add(max(x.After.Open, 0))))
}

// markFailed makes a span one of an error if a rule failed.
func markFailed(s trace.Span, r *rules.Ruling) {
	if r.Verdict == rules.Fail {
		s.SetStatus(codes.Error, "failed: "+strings.Join(r.Broken(), ", "))
	}
}

// links returns the place in the client's own trace (W3C Trace Context), as a link. It is not used
// as the parent, because any client can send one.
func links(x *wire.Exchange) trace.SpanStartOption {
	if x.Request.Count("traceparent") != 1 {
		return trace.WithLinks()
	}
	text, _ := x.Request.Value("traceparent")
	from := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": text}))
	if !from.IsValid() {
		return trace.WithLinks()
	}
	return trace.WithLinks(trace.Link{SpanContext: from})
}
