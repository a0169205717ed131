package trace

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// A Collector takes spans or log records over OTLP/HTTP. Its fields must not be changed after Open.
type Collector struct {
	Endpoint string         // URL that they are posted to, http or https
	CA       *x509.CertPool // whom its certificate is checked by; nil: by the system's
	Token    string         // that the collector asks for (Authorization: Bearer); empty: none
	Version  string         // of this program
	Instance string         // which Interlock this is
	Queue    int            // how many may wait; 4,096
	Drain    time.Duration  // how long Close goes on sending; 3 s
	Log      zerolog.Logger // hears when the collector stops taking them, and when it is back

	about     *resource.Resource
	transport *http.Transport
	life      context.Context
	stop      context.CancelFunc
	waiting   atomic.Int64
	dropped   atomic.Int64
	failing   bool // the collector rejects them; used by the sending goroutine only
}

// timeout is how long the collector may take for one batch, each time that it is tried.
const timeout = 10 * time.Second

// open readies everything but the exporter.
func (c *Collector) open(ctx context.Context, what string) (err error) {
	if c.Queue <= 0 {
		c.Queue = 4096
	}
	if c.Drain <= 0 {
		c.Drain = 3 * time.Second
	}
	c.transport = http.DefaultTransport.(*http.Transport).Clone()
	if c.CA != nil {
		c.transport.TLSClientConfig = &tls.Config{RootCAs: c.CA}
	}
	c.about, err = resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		semconv.ServiceName("interlock"), semconv.ServiceVersion(c.Version), semconv.ServiceInstanceID(c.Instance),
	), resource.WithFromEnv())
	if err != nil {
		return fmt.Errorf("send %s: OTEL_RESOURCE_ATTRIBUTES: %w", what, err)
	}
	c.life, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	return nil
}

// client sends to the collector.
func (c *Collector) client() *http.Client {
	return &http.Client{Transport: c.transport, Timeout: timeout}
}

// headers are those that the collector asks for.
func (c *Collector) headers() map[string]string {
	if c.Token == "" {
		return nil
	}
	return map[string]string{"Authorization": "Bearer " + c.Token}
}

// room reports whether one more may wait, and takes the place; one that finds none is counted as dropped.
func (c *Collector) room() bool {
	if c.waiting.Add(1) <= int64(c.Queue) {
		return true
	}
	c.waiting.Add(-1)
	c.dropped.Add(1)
	return false
}

// export sends a batch of n, until the life of the collector ends. It never fails: what is lost is counted,
// and logged once.
func (c *Collector) export(ctx context.Context, what string, n int, send func(context.Context) error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(c.life, stop)()
	err := send(ctx)
	c.waiting.Add(-int64(n))
	if err != nil {
		c.dropped.Add(int64(n))
	}
	switch {
	case err != nil && !c.failing:
		c.Log.Error().Err(err).Str("endpoint", c.Endpoint).Msg("collector takes no " + what)
	case err == nil && c.failing:
		c.Log.Info().Str("endpoint", c.Endpoint).Int64("dropped", c.dropped.Load()).Msg("collector is back")
	}
	c.failing = err != nil
}

// close ends a provider after it has sent what waits, for at most Drain.
func (c *Collector) close(shutdown func(context.Context) error) {
	timer := time.AfterFunc(c.Drain, c.stop)
	defer timer.Stop()
	_ = shutdown(context.Background()) // what was not sent was logged and counted
	c.stop()
	c.transport.CloseIdleConnections()
}
