package config

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/trace"
	"github.com/interlock-proxy/interlock/internal/version"
	"github.com/interlock-proxy/interlock/rules"
)

// otelConfig is where traces and rulings are sent.
type otelConfig struct {
	Endpoint string `yaml:"endpoint"`
	CA       string `yaml:"ca"`
	Token    string `yaml:"token_file"`
	Rulings  string `yaml:"rulings"`
}

// The values of otel.rulings.
const (
	rulingsOff      = "off"
	rulingsFindings = "findings"
	rulingsAll      = "all"
)

func rulingsModes() []string { return []string{rulingsOff, rulingsFindings, rulingsAll} }

// A signal is a kind of telemetry.
type signal struct{ path, exporter, variable string }

// The signals: the path of a collector if the configuration does not name one, and the environment variables
// of OpenTelemetry that turn the signal off and name its collector.
func traces() signal {
	return signal{"/v1/traces", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"}
}

func rulings() signal {
	return signal{"/v1/logs", "OTEL_LOGS_EXPORTER", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"}
}

// endpoint returns the URL for a signal, and the environment variable that it comes from, if it does. It is
// empty if the signal is off.
func (c *otelConfig) endpoint(s signal) (address, variable string) {
	if s == rulings() && c.Rulings == rulingsOff {
		return "", ""
	}
	if c.Endpoint != "" {
		return withPath(c.Endpoint, s.path), ""
	}
	if os.Getenv(s.exporter) == "none" || os.Getenv("OTEL_SDK_DISABLED") == "true" {
		return "", ""
	}
	const common = "OTEL_EXPORTER_OTLP_ENDPOINT"
	if text := os.Getenv(s.variable); text != "" {
		return text, s.variable
	}
	if text := os.Getenv(common); text != "" {
		return strings.TrimSuffix(text, "/") + s.path, common
	}
	return "", ""
}

// withPath adds the path of a signal to a URL without one. The path of traces becomes that of the signal.
func withPath(text, path string) string {
	u, err := url.Parse(text)
	if err != nil || u.RawQuery != "" {
		return text
	}
	if strings.Trim(u.Path, "/") == "" {
		return strings.TrimSuffix(text, "/") + path
	}
	if rest, ok := strings.CutSuffix(text, traces().path); ok {
		return rest + path
	}
	return text
}

// isCollector reports whether telemetry can be sent to a URL.
func isCollector(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
}

// check reports the faults of the collector. The variables of OpenTelemetry are for other
// programs too, so their faults are not faults of the configuration.
func (c *otelConfig) check(fault func(key, format string, v ...any)) {
	address, _ := c.endpoint(traces())
	if address == "" {
		address, _ = c.endpoint(rulings())
	}
	switch {
	case !slices.Contains(rulingsModes(), c.Rulings):
		fault("otel.rulings", "must be one of %s, not %q", strings.Join(rulingsModes(), ", "), c.Rulings)
	case address == "" && c.Rulings != rulingsOff:
		fault("otel.rulings", "is set, but the endpoint is missing: give a URL such as http://127.0.0.1:4318 as otel.endpoint")
	case c.Rulings != rulingsOff && c.Endpoint != "" && withPath(c.Endpoint, rulings().path) == c.Endpoint && !strings.HasSuffix(c.Endpoint, rulings().path):
		fault("otel.rulings", "is set, but the path of otel.endpoint is neither empty nor ends with %s: give the URL without it", traces().path)
	case address == "" && (c.CA != "" || c.Token != ""):
		fault("otel", "endpoint is missing: give a URL such as http://127.0.0.1:4318")
	case c.Endpoint != "" && !isCollector(address):
		fault("otel.endpoint", "must be a URL such as http://127.0.0.1:4318, without credentials")
	case c.CA != "" && strings.HasPrefix(address, "http:"):
		fault("otel.ca", "is set, but the endpoint is not an https URL")
	}
	if c.CA != "" {
		if _, err := readAuthorities(c.CA); err != nil {
			fault("otel.ca", "%v", err)
		}
	}
	if _, err := c.token(); err != nil {
		fault("otel.token_file", "%v", err)
	}
}

// token returns the token of the collector.
func (c *otelConfig) token() (string, error) {
	if c.Token == "" {
		return "", nil
	}
	text, err := os.ReadFile(c.Token)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r < '!' || r > '~' }) {
		return "", fmt.Errorf("%q must have a token of printable ASCII", c.Token)
	}
	return token, nil
}

// Tracer opens the tracer; nil if traces are off.
func (c *otelConfig) Tracer(ctx context.Context, instance string, log zerolog.Logger) (*trace.Tracer, error) {
	t := new(trace.Tracer)
	if on, err := c.collector(&t.Collector, traces(), "traces", instance, log); err != nil || !on {
		return nil, err
	}
	return t, t.Open(ctx)
}

// OpenRulings opens the records of rulings, which encode writes; nil if they are off.
func (c *otelConfig) OpenRulings(ctx context.Context, instance string, log zerolog.Logger, encode func(*rules.Ruling) ([]byte, error)) (*trace.Rulings, error) {
	r := &trace.Rulings{Passed: c.Rulings == rulingsAll, Encode: encode}
	if on, err := c.collector(&r.Collector, rulings(), "rulings", instance, log); err != nil || !on {
		return nil, err
	}
	return r, r.Open(ctx)
}

// collector fills in where a signal is sent. On is false if it is off.
func (c *otelConfig) collector(to *trace.Collector, s signal, what, instance string, log zerolog.Logger) (on bool, err error) {
	address, from := c.endpoint(s)
	if address == "" {
		return false, nil
	}
	if !isCollector(address) {
		log.Warn().Str("variable", from).Msg(what + " are not sent: the variable must be a URL such as http://127.0.0.1:4318")
		return false, nil
	}
	to.Endpoint, to.Version, to.Instance, to.Log = address, version.String(), instance, log
	if to.Token, err = c.token(); err != nil {
		return false, exit.Usage("otel.token_file: %w", err)
	}
	if c.CA != "" {
		if to.CA, err = readAuthorities(c.CA); err != nil {
			return false, exit.Usage("otel.ca: %w", err)
		}
	}
	return true, nil
}

// OtelFlags applies the flag whose key has another form.
func (c *Config) OtelFlags(value func(name string) (text, from string), o *Origin) {
	if text, from := value("otel-endpoint"); from != "" {
		c.Otel.Endpoint, o.Given["otel.endpoint"] = text, from
	}
}
