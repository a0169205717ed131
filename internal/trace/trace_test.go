package trace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tracer returns a Tracer that sends to a receiver.
func tracer(t *testing.T, endpoint string, log io.Writer) *Tracer {
	t.Helper()
	tr := &Tracer{Collector: Collector{Endpoint: endpoint, Token: "s3cret-of-16-characters", Version: "0.1.0", Instance: "a1", Log: zerolog.New(log)}}
	if err := tr.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return tr
}

const (
	post = "POST /rooms/17?token=s3cret HTTP/1.1\r\nHost: staging.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nCookie: id=c00kie\r\n" +
		"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSet-Cookie: a=t0psecret\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)

var began = time.Date(2026, 11, 21, 9, 14, 5, 771e6, time.UTC)

func exchange(id, request string) *wire.Exchange {
	return &wire.Exchange{
		ID: id, Final: true, Complete: true, Origin: wire.OriginLive, Route: "default", Client: "192.0.2.7:51022", Backend: "127.0.0.1:3000",
		Time: began, Took: 1800 * time.Microsecond, Outcome: wire.Switched, BodyDone: true,
		Request: wire.ReadRequest([]byte(request)), Response: wire.ReadResponse([]byte(switching)),
	}
}

// refused returns an exchange with one span.
func refused(id string) *wire.Exchange {
	x := exchange(id, post)
	x.Outcome, x.Response = wire.Refused, wire.ReadResponse([]byte("HTTP/1.1 403 Forbidden\r\n\r\n"))
	return x
}

// reports has an audit judge each report of a switch: at its head, after the bytes after the 101
// are known, and at the end of its tunnel.
func reports(a *audit.Audit, x *wire.Exchange) {
	for i := range 3 {
		copied := *x
		copied.Revision, copied.Complete, copied.Final = i, i > 0, i == 2
		copied.After.Client, copied.After.ClientBytes, copied.After.ServerBytes = []byte("\x81\x87\x00\x00\x00\x00payl0ad"), 13, 4096
		copied.After.Open = 90 * time.Second
		if copied.Final {
			copied.Cause = wire.CauseClient
		}
		a.Observe(&copied)
	}
}

func TestSpansOfASwitch(t *testing.T) {
	to := newReceiver(t)
	tr := tracer(t, to.URL+"/v1/traces", io.Discard)
	reports(&audit.Audit{Each: func(r *rules.Ruling) { tr.Observe(r) }}, exchange("01JD", post))
	if len(tr.open) != 0 {
		t.Errorf("%d exchanges are remembered", len(tr.open))
	}
	tr.Close()
	if to.bad != nil || len(to.spans) != 2 {
		t.Fatalf("got %d spans, %v", len(to.spans), to.bad)
	}
	upgrade, tunnel := to.spans[0], to.spans[1]
	if upgrade.Name != "upgrade websocket default" || tunnel.Name != "tunnel websocket default" || upgrade.Kind != otlp.Span_SPAN_KIND_SERVER {
		t.Errorf("got %q, %q, %v", upgrade.Name, tunnel.Name, upgrade.Kind)
	}
	if !bytes.Equal(tunnel.ParentSpanId, upgrade.SpanId) || !bytes.Equal(tunnel.TraceId, upgrade.TraceId) || len(upgrade.ParentSpanId) > 0 {
		t.Error("the tunnel is not below the upgrade")
	}
	if got := time.Duration(upgrade.EndTimeUnixNano - upgrade.StartTimeUnixNano); got != 1800*time.Microsecond || upgrade.StartTimeUnixNano != uint64(began.UnixNano()) {
		t.Errorf("got %v", got)
	}
	if got := time.Duration(tunnel.EndTimeUnixNano - tunnel.StartTimeUnixNano); got != 90*time.Second || tunnel.StartTimeUnixNano != upgrade.EndTimeUnixNano {
		t.Errorf("got %v", got)
	}
	if upgrade.Status.Code != otlp.Status_STATUS_CODE_ERROR || upgrade.Status.Message != "failed: UPGRADE-POST" {
		t.Errorf("got %v", upgrade.Status)
	}
	if len(upgrade.Links) != 1 || fmt.Sprintf("%x", upgrade.Links[0].TraceId) != "4bf92f3577b34da6a3ce929d0e0e4736" {
		t.Errorf("got links %v", upgrade.Links)
	}
	if to.token != "Bearer s3cret-of-16-characters" || to.about["service.name"] != "interlock" || to.about["service.version"] != "0.1.0" || to.about["service.instance.id"] != "a1" {
		t.Errorf("got %q, %v", to.token, to.about)
	}
	hold(t, upgrade, map[string]string{
		"http.request.method": "POST", "http.response.status_code": "101", "url.template": "/rooms/{id}", "url.scheme": "http",
		"network.peer.address": "192.0.2.7", "network.peer.port": "51022", "network.protocol.name": "http", "network.protocol.version": "1.1",
		"interlock.exchange": "01JD", "interlock.route": "default", "interlock.protocol": "websocket", "interlock.backend": "127.0.0.1:3000",
		"interlock.outcome": "switched", "interlock.verdict": "fail", "interlock.severity": "critical", "interlock.unsafe": "true", "interlock.rules": "UPGRADE-POST;",
	})
	hold(t, tunnel, map[string]string{
		"interlock.exchange": "01JD", "interlock.cause": "client", "interlock.tunnel.client_bytes": "13", "interlock.tunnel.server_bytes": "4096",
		"interlock.verdict": "fail", "interlock.severity": "critical", "interlock.unsafe": "true", "interlock.rules": "UPGRADE-POST;",
	})
	for _, secret := range []string{"s3cret", "c00kie", "t0psecret", "payl0ad", "dGhlIHNhbXBsZSBub25jZQ"} {
		if bytes.Contains(to.text, []byte(secret)) {
			t.Errorf("the collector was told %q", secret)
		}
	}
}

// hold checks that a span has exactly these attributes.
func hold(t *testing.T, s *otlp.Span, want map[string]string) {
	t.Helper()
	got := values(s.Attributes)
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s: %s is %q, want %q", s.Name, name, got[name], value)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("%s: got %v as well", s.Name, got)
	}
}

// TestHostileBytesReachTheCollectorInOrder checks that no bytes in an exchange make a batch
// unreadable.
func TestHostileBytesReachTheCollectorInOrder(t *testing.T) {
	to := newReceiver(t)
	tr := tracer(t, to.URL+"/v1/traces", io.Discard)
	a := audit.Audit{Each: func(r *rules.Ruling) { tr.Observe(r) }}
	a.Observe(exchange("1", "\xff\x1b[31m"+strings.Repeat("M", 9000)+" /\xff\u202e"+strings.Repeat("x", 9000)+" HTTP/\xff\r\nUpgrade: \xfe\r\nConnection: Upgrade\r\ntraceparent: \xff\r\n\r\n"))
	a.Observe(exchange("2", ""))
	tr.Close()
	if to.bad != nil || len(to.spans) != 4 || tr.Dropped() != 0 {
		t.Fatalf("got %d spans, %d dropped, %v", len(to.spans), tr.Dropped(), to.bad)
	}
	for _, s := range to.spans {
		for name, text := range values(s.Attributes) {
			if strings.ContainsFunc(text+s.Name, func(c rune) bool { return c < ' ' || c > '~' }) || len(text) > 512 || len(s.Name) > 64 {
				t.Errorf("%q: %s is %q", s.Name, name, text)
			}
		}
	}
	if got := values(to.spans[0].Attributes); got["http.request.method"] != "_OTHER" || !strings.HasPrefix(got["http.request.method_original"], `\xff\x1b[31mMM`) {
		t.Errorf("got %v", got)
	}
}

func TestSpansOfARun(t *testing.T) {
	to := newReceiver(t)
	tr := tracer(t, to.URL+"/v1/traces", io.Discard)
	run := tr.Begin("01JR", "websocket", "default", "/chat", "127.0.0.1:3000")
	x := exchange("1", post)
	x.Origin, x.Probe, x.Controls = wire.OriginProbe, "UPGRADE-POST", wire.ControlsAccepted
	ruling := rules.Classify(rules.Case{X: x, Options: &rules.Options{}})
	run.Observe(ruling)
	tr.Observe(ruling) // not live traffic
	run.End(1, 2, 1, errors.New("the target went away"))
	tr.Close()
	if to.bad != nil || len(to.spans) != 2 {
		t.Fatalf("got %v, %v", to.spans, to.bad)
	}
	probe, whole := to.spans[0], to.spans[1]
	if probe.Name != "probe UPGRADE-POST" || whole.Name != "probe run websocket default" || !bytes.Equal(probe.ParentSpanId, whole.SpanId) {
		t.Errorf("got %q below %q", probe.Name, whole.Name)
	}
	if whole.Status.Message != "the target went away" {
		t.Errorf("got %v", whole.Status)
	}
	hold(t, whole, map[string]string{
		"interlock.run": "01JR", "interlock.route": "default", "interlock.protocol": "websocket", "interlock.backend": "127.0.0.1:3000", "url.template": "/chat",
		"interlock.probes.sent": "1", "interlock.probes.not_sent": "2", "interlock.probes.fail": "1",
	})
}

func TestNoTracerDoesNothing(t *testing.T) {
	var tr *Tracer
	ruling := &rules.Ruling{X: exchange("1", post)}
	if n := testing.AllocsPerRun(100, func() { tr.Observe(ruling) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	run := tr.Begin("", "", "", "", "")
	run.Observe(ruling)
	run.End(0, 0, 0, nil)
	tr.Close()
	if tr.Dropped() != 0 {
		t.Error("something was dropped")
	}
}

// TestTheSamplerIsObeyed checks that exchanges that the sampler leaves out use no memory and do not
// count as lost.
func TestTheSamplerIsObeyed(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	to := newReceiver(t)
	tr := tracer(t, to.URL+"/v1/traces", io.Discard)
	reports(&audit.Audit{Each: func(r *rules.Ruling) { tr.Observe(r) }}, exchange("1", post))
	tr.Begin("01JR", "websocket", "default", "/chat", "").End(0, 0, 0, nil)
	if tr.waiting.Load() != 0 || tr.Dropped() != 0 {
		t.Errorf("%d wait, %d dropped", tr.waiting.Load(), tr.Dropped())
	}
	tr.Close()
	if len(to.spans) != 0 {
		t.Errorf("got %v", to.spans)
	}
}

func BenchmarkTracer(b *testing.B) {
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer silent.Close()
	tr := &Tracer{Collector: Collector{Endpoint: silent.URL, Queue: 1 << 16, Log: zerolog.Nop()}}
	if err := tr.Open(context.Background()); err != nil {
		b.Fatal(err)
	}
	defer tr.Close()
	ruling := rules.Classify(rules.Case{X: refused("1"), Options: &rules.Options{}})
	b.ReportAllocs()
	for b.Loop() {
		tr.Observe(ruling)
	}
	b.ReportMetric(float64(tr.Dropped())/float64(b.N), "dropped/op")
}
