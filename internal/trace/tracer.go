package trace

import (
	"context"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope is the name of what makes spans and log records.
const scope = "github.com/interlock-proxy/interlock/internal/trace"

// A Tracer sends spans to a collector in the background, in batches. Nothing waits for the
// collector: spans without room, and those that it rejects, are dropped and counted. A nil Tracer
// does nothing. The methods are safe for concurrent use.
//
// The variables of OpenTelemetry's SDK apply, except for the endpoint: OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_BSP_SCHEDULE_DELAY and others.
type Tracer struct {
	Collector
	spans    trace.Tracer
	provider *sdk.TracerProvider

	mu   sync.Mutex
	open map[string]trace.SpanContext // of exchanges that will be reported again, by ID
}

// Open readies the tracer. Whoever calls it calls Close.
func (t *Tracer) Open(ctx context.Context) error {
	t.open = map[string]trace.SpanContext{}
	if err := t.Collector.open(ctx, "traces"); err != nil {
		return err
	}
	to, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(t.Endpoint), otlptracehttp.WithHTTPClient(t.client()), otlptracehttp.WithHeaders(t.headers()))
	if err != nil {
		return fmt.Errorf("send traces to %q: %w", t.Endpoint, err)
	}
	// The queue of the processor is never full, as no more spans are made than have room in it.
	batches := sdk.NewBatchSpanProcessor(&exporter{to, t}, sdk.WithMaxQueueSize(t.Queue), sdk.WithMaxExportBatchSize(min(t.Queue, 512)))
	t.provider = sdk.NewTracerProvider(sdk.WithResource(t.about), sdk.WithSpanProcessor(batches))
	t.spans = t.provider.Tracer(scope, trace.WithInstrumentationVersion(t.Version), trace.WithSchemaURL(semconv.SchemaURL))
	return nil
}

// Close sends the waiting spans for at most Drain. When it returns, everything that Open started
// has ended.
func (t *Tracer) Close() {
	if t != nil {
		t.close(t.provider.Shutdown)
	}
}

// Dropped is how many spans have not reached the collector.
func (t *Tracer) Dropped() int64 {
	if t == nil {
		return 0
	}
	return t.dropped.Load()
}

// exporter sends batches for a tracer. The processor calls it from one goroutine.
type exporter struct {
	*otlptrace.Exporter
	tracer *Tracer
}

// ExportSpans is part of sdk.SpanExporter. It never fails.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	e.tracer.export(ctx, "traces", len(spans), func(ctx context.Context) error { return e.Exporter.ExportSpans(ctx, spans) })
	return nil
}
