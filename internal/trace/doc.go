// Package trace tells a collector of OpenTelemetry of live upgrade exchanges and of probe runs, over OTLP/HTTP. Spans say
// what the log says of an exchange: no bytes behind a head, no field values, no query.
package trace
