package trace

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// A Tracer sends spans to a collector in the background, in batches. Nothing waits for the
// collector: spans without room, and those that it rejects, are dropped and counted. A nil Tracer
// does nothing. The exported fields must not be changed after Open; the methods are safe for
// concurrent use.
//
// The variables of OpenTelemetry's SDK apply, except for the endpoint: OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_BSP_SCHEDULE_DELAY and others.
type Tracer struct {
	Endpoint string         // URL that spans are posted to, http or https
	CA       *x509.CertPool // whom its certificate is checked by; nil: by the system's
	Token    string         // that the collector asks for (Authorization: Bearer); empty: none
	Version  string         // of this program
	Instance string         // which Interlock this is
	Queue    int            // spans that may wait; 4,096
	Drain    time.Duration  // how long Close goes on sending; 3 s
	Log      zerolog.Logger // hears when the collector stops taking spans, and when it is back

	spans     trace.Tracer
	provider  *sdk.TracerProvider
	transport *http.Transport
	life      context.Context
	stop      context.CancelFunc
	waiting   atomic.Int64
	dropped   atomic.Int64
	failing   bool // the collector rejects spans; used by the sending goroutine only

	mu   sync.Mutex
	open map[string]trace.SpanContext // of exchanges that will be reported again, by ID
}

// timeout is how long the collector may take for one batch, each time that it is tried.
const timeout = 10 * time.Second

// Open readies the tracer. Whoever calls it calls Close.
func (t *Tracer) Open(ctx context.Context) error {
	if t.Queue <= 0 {
		t.Queue = 4096
	}
	if t.Drain <= 0 {
		t.Drain = 3 * time.Second
	}
	t.open = map[string]trace.SpanContext{}
	t.transport = http.DefaultTransport.(*http.Transport).Clone()
	if t.CA != nil {
		t.transport.TLSClientConfig = &tls.Config{RootCAs: t.CA}
	}
	options := []otlptracehttp.Option{
		otlptracehttp.WithEndpointURL(t.Endpoint),
		otlptracehttp.WithHTTPClient(&http.Client{Transport: t.transport, Timeout: timeout}),
	}
	if t.Token != "" {
		options = append(options, otlptracehttp.WithHeaders(map[string]string{"Authorization": "Bearer " + t.Token}))
	}
	to, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return fmt.Errorf("send traces to %q: %w", t.Endpoint, err)
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		semconv.ServiceName("interlock"), semconv.ServiceVersion(t.Version), semconv.ServiceInstanceID(t.Instance),
	), resource.WithFromEnv())
	if err != nil {
		return fmt.Errorf("send traces: OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	t.life, t.stop = context.WithCancel(context.WithoutCancel(ctx))
	// The queue of the processor is never full, as no more spans are made than have room in it.
	batches := sdk.NewBatchSpanProcessor(&exporter{to, t}, sdk.WithMaxQueueSize(t.Queue), sdk.WithMaxExportBatchSize(min(t.Queue, 512)))
	t.provider = sdk.NewTracerProvider(sdk.WithResource(about), sdk.WithSpanProcessor(batches))
	t.spans = t.provider.Tracer("github.com/interlock-proxy/interlock/internal/trace", trace.WithInstrumentationVersion(t.Version), trace.WithSchemaURL(semconv.SchemaURL))
	return nil
}

// Close sends the waiting spans for at most Drain. When it returns, everything that Open started
// has ended.
func (t *Tracer) Close() {
	if t == nil {
		return
	}
	timer := time.AfterFunc(t.Drain, t.stop)
	defer timer.Stop()
	_ = t.provider.Shutdown(context.Background()) // unsent spans were logged and counted
	t.stop()
	t.transport.CloseIdleConnections()
}

// Dropped is how many spans have not reached the collector.
func (t *Tracer) Dropped() int64 {
	if t == nil {
		return 0
	}
	return t.dropped.Load()
}

// room reports whether one more span may wait, and takes the place; a span that finds none is
// counted as dropped.
func (t *Tracer) room() bool {
	if t.waiting.Add(1) <= int64(t.Queue) {
		return true
	}
	t.waiting.Add(-1)
	t.dropped.Add(1)
	return false
}

// exporter sends batches for a tracer. The processor calls it from one goroutine.
type exporter struct {
	*otlptrace.Exporter
	tracer *Tracer
}

// ExportSpans is part of sdk.SpanExporter. It never fails: lost spans are counted, and logged once.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	t := e.tracer
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(t.life, stop)()
	err := e.Exporter.ExportSpans(ctx, spans)
	t.waiting.Add(-int64(len(spans)))
	if err != nil {
		t.dropped.Add(int64(len(spans)))
	}
	switch {
	case err != nil && !t.failing:
		t.Log.Error().Err(err).Str("endpoint", t.Endpoint).Msg("collector takes no traces")
	case err == nil && t.failing:
		t.Log.Info().Str("endpoint", t.Endpoint).Int64("dropped", t.Dropped()).Msg("collector is back")
	}
	t.failing = err != nil
	return nil
}
