package trace

import (
	"context"
	"fmt"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/log"
	sdk "go.opentelemetry.io/otel/sdk/log"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/interlock-proxy/interlock/rules"
)

// Rulings sends rulings to a collector as log records, each with its evidence, in the background and in
// batches. Nothing waits for the collector: records without room, and those that it rejects, are dropped and
// counted. A nil Rulings does nothing. The methods are safe for concurrent use.
//
// The variables of OpenTelemetry's SDK apply, except for the endpoint: OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES, OTEL_BLRP_SCHEDULE_DELAY and others.
type Rulings struct {
	Collector
	Passed bool                                // also those in which no rule is broken
	Encode func(*rules.Ruling) ([]byte, error) // writes the ruling as the body of a record

	records  log.Logger
	provider *sdk.LoggerProvider
	held     atomic.Int64 // bytes of the bodies that wait
}

const (
	maxHeld  = 32 << 20 // bytes of bodies that may wait
	maxBody  = 1 << 20  // bytes of one body; a longer one is left out, and its record says so
	maxBatch = 64       // records that are sent together
)

// Open readies the records. Whoever calls it calls Close.
func (s *Rulings) Open(ctx context.Context) error {
	if err := s.open(ctx, "rulings"); err != nil {
		return err
	}
	to, err := otlploghttp.New(ctx, otlploghttp.WithEndpointURL(s.Endpoint), otlploghttp.WithHTTPClient(s.client()), otlploghttp.WithHeaders(s.headers()),
		otlploghttp.WithCompression(otlploghttp.GzipCompression))
	if err != nil {
		return fmt.Errorf("send rulings to %q: %w", s.Endpoint, err)
	}
	// The queue of the processor is never full, as no more records are made than have room in it.
	batches := sdk.NewBatchProcessor(&recordExporter{to, s}, sdk.WithMaxQueueSize(s.Queue), sdk.WithExportMaxBatchSize(min(s.Queue, maxBatch)))
	s.provider = sdk.NewLoggerProvider(sdk.WithResource(s.about), sdk.WithProcessor(batches))
	s.records = s.provider.Logger(scope, log.WithInstrumentationVersion(s.Version), log.WithSchemaURL(semconv.SchemaURL))
	return nil
}

// Close sends the waiting records for at most Drain. When it returns, everything that Open started has
// ended.
func (s *Rulings) Close() {
	if s != nil {
		s.close(s.provider.Shutdown)
	}
}

// Dropped is how many records have not reached the collector.
func (s *Rulings) Dropped() int64 {
	if s == nil {
		return 0
	}
	return s.dropped.Load()
}

// Observe makes a record of a ruling that says something new: when it is complete, when its verdict changes,
// and at the end of a tunnel. The record belongs to the span of the exchange, if there is one.
func (s *Rulings) Observe(r *rules.Ruling, span trace.SpanContext) {
	if s == nil || !s.Passed && r.Verdict >= rules.Pass || r.Before != nil && r.Before.Verdict == r.Verdict && !r.X.Final && r.Before.Judged {
		return
	}
	if !s.room() {
		return
	}
	body, err := s.Encode(r)
	cut := err != nil || len(body) > maxBody
	if cut {
		body = nil
	}
	if s.held.Add(int64(len(body))) > maxHeld {
		s.held.Add(-int64(len(body)))
		s.waiting.Add(-1)
		s.dropped.Add(1)
		return
	}
	var record log.Record
	record.SetEventName("interlock.ruling")
	record.SetTimestamp(r.X.Time)
	record.SetBody(attribute.StringValue(string(body)))
	level, name := severity(r)
	record.SetSeverity(level)
	record.SetSeverityText(name)
	record.AddAttributes(attributes(r)...)
	record.AddAttributes(judged(r)...)
	record.AddAttributes(attribute.Int("interlock.revision", r.X.Revision))
	if f := r.Worst(); f != nil && f.Verdict < rules.Pass {
		record.AddAttributes(attribute.String("interlock.problem", f.Detail))
	}
	if cut {
		record.AddAttributes(attribute.Bool("interlock.cut", true))
	}
	s.records.Emit(trace.ContextWithSpanContext(context.Background(), span), record)
}

// severity is how serious a record is.
func severity(r *rules.Ruling) (log.Severity, string) {
	switch {
	case r.Verdict == rules.Fail && (r.Unsafe || r.Severity() >= rules.High):
		return log.SeverityError, "ERROR"
	case r.Verdict < rules.Pass:
		return log.SeverityWarn, "WARN"
	}
	return log.SeverityInfo, "INFO"
}

// recordExporter sends batches of records. The processor calls it from one goroutine.
type recordExporter struct {
	*otlploghttp.Exporter
	rulings *Rulings
}

// Export is part of sdk.Exporter. It never fails.
func (e *recordExporter) Export(ctx context.Context, records []sdk.Record) error {
	for i := range records {
		e.rulings.held.Add(-int64(len(records[i].Body().AsString())))
	}
	e.rulings.export(ctx, "rulings", len(records), func(ctx context.Context) error { return e.Exporter.Export(ctx, records) })
	return nil
}
