package config

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/trace"
	"github.com/interlock-proxy/interlock/internal/version"
)

// otelConfig is where traces are sent.
type otelConfig struct {
	Endpoint string `yaml:"endpoint"`
	CA       string `yaml:"ca"`
	Token    string `yaml:"token_file"`
}

// tracesPath is the path of a collector if the configuration does not name one.
const tracesPath = "/v1/traces"

// endpoint returns the URL for traces, and the environment variable that it comes from, if it does.
// It is empty if traces are off.
func (c *otelConfig) endpoint() (address, variable string) {
	if c.Endpoint != "" {
		return withTracesPath(c.Endpoint), ""
	}
	if os.Getenv("OTEL_TRACES_EXPORTER") == "none" || os.Getenv("OTEL_SDK_DISABLED") == "true" {
		return "", ""
	}
	const own, common = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"
	if text := os.Getenv(own); text != "" {
		return text, own
	}
	if text := os.Getenv(common); text != "" {
		return strings.TrimSuffix(text, "/") + tracesPath, common
	}
	return "", ""
}

// withTracesPath adds the default path to a URL without one.
func withTracesPath(text string) string {
	if u, err := url.Parse(text); err == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" {
		return strings.TrimSuffix(text, "/") + tracesPath
	}
	return text
}

// isCollector reports whether traces can be sent to a URL.
func isCollector(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
}

// check reports the faults of the trace collector. The variables of OpenTelemetry are for other
// programs too, so their faults are not faults of the configuration.
func (c *otelConfig) check(fault func(key, format string, v ...any)) {
	address, _ := c.endpoint()
	switch {
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
	address, from := c.endpoint()
	if address == "" {
		return nil, nil
	}
	if !isCollector(address) {
		log.Warn().Str("variable", from).Msg("traces are not sent: the variable must be a URL such as http://127.0.0.1:4318")
		return nil, nil
	}
	t := &trace.Tracer{Endpoint: address, Version: version.String(), Instance: instance, Log: log}
	var err error
	if t.Token, err = c.token(); err != nil {
		return nil, exit.Usage("otel.token_file: %w", err)
	}
	if c.CA != "" {
		if t.CA, err = readAuthorities(c.CA); err != nil {
			return nil, exit.Usage("otel.ca: %w", err)
		}
	}
	return t, t.Open(ctx)
}

// OtelFlags applies the flag whose key has another form.
func (c *Config) OtelFlags(value func(name string) (text, from string), o *Origin) {
	if text, from := value("otel-endpoint"); from != "" {
		c.Otel.Endpoint, o.Given["otel.endpoint"] = text, from
	}
}
