package trace

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// attributes describes an exchange, in OpenTelemetry's semantic conventions where there are any.
func attributes(r *rules.Ruling) []attribute.KeyValue {
	x := r.X
	all := make([]attribute.KeyValue, 0, 20)
	all = append(all, method(x.Request.Method)...)
	all = append(all, semconv.URLTemplate(r.Endpoint), semconv.URLScheme(scheme(x.ClientTLS)), semconv.NetworkProtocolName("http"))
	if version, ok := strings.CutPrefix(x.Request.Version, "HTTP/"); ok && (version == "1.0" || version == "1.1") {
		all = append(all, semconv.NetworkProtocolVersion(version))
	}
	if x.Response != nil && x.Response.Status > 0 {
		all = append(all, semconv.HTTPResponseStatusCode(x.Response.Status))
	}
	if host, port, err := net.SplitHostPort(x.Client); err == nil {
		all = append(all, semconv.NetworkPeerAddress(host))
		if n, err := strconv.Atoi(port); err == nil {
			all = append(all, semconv.NetworkPeerPort(n))
		}
	}
	all = append(all,
		attribute.String("interlock.exchange", x.ID), attribute.String("interlock.route", x.Route), attribute.String("interlock.protocol", x.Protocol()),
		attribute.String("interlock.backend", x.Backend), attribute.String("interlock.outcome", string(x.Outcome)),
	)
	if x.Cause != "" && x.Outcome != wire.Switched {
		all = append(all, attribute.String("interlock.cause", string(x.Cause)))
	}
	if x.Blocked {
		all = append(all, attribute.Bool("interlock.blocked", true))
	}
	if x.Probe != "" {
		all = append(all, attribute.String("interlock.probe", x.Probe))
	}
	return all
}

// judged describes the ruling.
func judged(r *rules.Ruling) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("interlock.verdict", r.Verdict.String()), attribute.String("interlock.severity", r.Severity().String()),
		attribute.Bool("interlock.unsafe", r.Unsafe), attribute.StringSlice("interlock.rules", r.Broken()),
	}
}

// method returns the method of a request: a known one by its name, others as _OTHER together with
// the original, in printable ASCII and of limited length.
func method(sent string) []attribute.KeyValue {
	known := []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"}
	if slices.Contains(known, sent) {
		return []attribute.KeyValue{semconv.HTTPRequestMethodKey.String(sent)}
	}
	const most = 64
	return []attribute.KeyValue{
		semconv.HTTPRequestMethodOther, semconv.HTTPRequestMethodOriginal(wire.Escape([]byte(sent[:min(len(sent), most)]))),
	}
}

func scheme(tls bool) string {
	if tls {
		return "https"
	}
	return "http"
}
