// Package trace sends live upgrade exchanges and probe runs as spans to an OpenTelemetry collector,
// over OTLP/HTTP. Spans have the facts of the log: no bytes after a head, no header values, no
// query.
package trace
