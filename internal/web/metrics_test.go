package web

import (
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var updateMetrics = flag.Bool("update-metrics", false, "write the golden scrape and docs/metrics.md")

const (
	soundRequest = "%s %s HTTP/1.1\r\nHost: staging.test\r\nConnection: Upgrade\r\nUpgrade: %s\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	soundAnswer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)

// switchedExchange is a live exchange of which more is to be reported.
func switchedExchange(id, method string) *wire.Exchange {
	return &wire.Exchange{
		ID: id, Complete: true, Origin: wire.OriginLive, Route: "default", Client: "127.0.0.1:5", Backend: "127.0.0.1:3000",
		Time: time.Date(2026, 11, 21, 9, 14, 5, 0, time.UTC), Took: 1800 * time.Microsecond, Outcome: wire.Switched, BodyDone: true,
		Request: wire.ReadRequest(fmt.Appendf(nil, soundRequest, method, "/chat", "websocket")), Response: wire.ReadResponse([]byte(soundAnswer)),
	}
}

// refusedExchange is switchedExchange with another answer.
func refusedExchange(id, method string) *wire.Exchange {
	x := switchedExchange(id, method)
	x.Outcome, x.Final = wire.Refused, true
	x.Response = wire.ReadResponse([]byte("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
	return x
}

// strippedExchange is a handshake that has lost its offer on the way, and was refused.
func strippedExchange(id string) *wire.Exchange {
	x := refusedExchange(id, "GET")
	q := strings.NewReplacer("Connection: Upgrade\r\nUpgrade: websocket\r\n", "X-Forwarded-For: 192.0.2.7\r\n").Replace(string(x.Request.Raw))
	x.Request = wire.ReadRequest([]byte(q))
	return x
}

// reportsOf are those of a switch: at its head, when its aftermath is known, and at the end of its
// tunnel.
func reportsOf(x *wire.Exchange, client, server int64, open time.Duration) []*wire.Exchange {
	all := make([]*wire.Exchange, 3)
	for i := range all {
		copied := *x
		copied.Revision, copied.Complete, copied.Final = i, i > 0, i == 2
		if i > 0 {
			copied.After.ClientBytes, copied.After.ServerBytes = client/2*int64(i), server/2*int64(i)
			copied.After.Open = open / 2 * time.Duration(i)
		}
		all[i] = &copied
	}
	return all
}

// observedMetrics are metrics of some traffic, with everything in them that can be shown.
func observedMetrics(t *testing.T) *Metrics {
	s, err := store.Open(t.Context(), t.TempDir()+"/interlock.db", store.Options{Version: "0.1.0", Instance: "a1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	a := &audit.Audit{Hops: audit.NewHops(1 << 20)}
	m := &Metrics{
		Version: "0.1.0", Routes: []string{"default", "chat"}, Audit: a, Writer: &store.Writer{Store: s}, Dropped: func() int64 { return 3 }, DroppedRulings: func() int64 { return 4 },
		Instances: func() (map[store.InstanceState]int, bool) {
			return map[store.InstanceState]int{store.Reporting: 8, store.Silent: 1, store.Ended: 5}, true
		},
		Relay: &proxy.Relay{Backend: &proxy.Backend{Addresses: []string{"127.0.0.1:3000"}}, Limits: proxy.Limits{Connections: 1000}},
	}
	c := &m.Relay.Counts
	c.Exchanges.Store(100)
	c.Opaque.Store(10)
	c.TLS.Store(2)
	c.HTTP2.Store(3)
	c.Shed.Store(1)
	c.Tunnels.Store(5)
	c.Downgraded.Store(6)
	c.HTTP2Only.Store(7)
	a.Each = m.Observe
	for _, x := range reportsOf(switchedExchange("sound", "GET"), 812, 4102, 90*time.Second) {
		a.Observe(x)
	}
	for _, x := range reportsOf(switchedExchange("unsafe", "POST"), 10, 20, time.Second)[:2] {
		a.Observe(x)
	}
	worse := reportsOf(switchedExchange("worse", "GET"), 10, 20, time.Second)
	worse[2].After.Server = []byte("HTTP/1.1 400 Bad Request\r\n\r\n")
	for _, x := range worse {
		a.Observe(x)
	}
	a.Observe(refusedExchange("refused", "POST"))
	blocked := switchedExchange("blocked", "POST")
	blocked.Final, blocked.Blocked, blocked.Route = true, true, "chat"
	a.Observe(blocked)
	probe := refusedExchange("probe", "POST")
	probe.Origin, probe.Probe, probe.Controls, probe.Outcome = wire.OriginProbe, "UPGRADE-POST", wire.ControlsAccepted, wire.Switched
	probe.Response = wire.ReadResponse([]byte(soundAnswer))
	a.Observe(probe)
	m.EndRun("findings")
	return m
}

// scraped is a scrape without what the Go runtime and the operating system say, which differs from
// run to run.
func scraped(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	var b strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		if strings.Contains(line, "interlock_") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestScrape(t *testing.T) {
	got := scraped(t, observedMetrics(t))
	got = strings.ReplaceAll(got, goVersion(got), "GO")
	storeBytes := regexp.MustCompile(`(?m)^interlock_store_bytes [1-9][0-9]*$`) // so that another layout of the file does not change the golden
	got = storeBytes.ReplaceAllString(got, "interlock_store_bytes BYTES")
	others := regexp.MustCompile(`(?m)^interlock_diagnoses_total\{diagnosis="[^"]*"\} .*\n`) // so that a longer catalogue does not change the golden
	got = others.ReplaceAllStringFunc(got, func(line string) string {
		if strings.Contains(line, `"stripped-upgrade"`) {
			return line
		}
		return ""
	})
	goldenMetrics(t, "testdata/metrics.golden", got)
}

// goVersion is what the scrape says of the toolchain.
func goVersion(scrape string) string {
	_, rest, _ := strings.Cut(scrape, `goversion="`)
	version, _, _ := strings.Cut(rest, `"`)
	return version
}

func goldenMetrics(t *testing.T, name, got string) {
	t.Helper()
	if *updateMetrics {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./web -run %s -update-metrics writes it); got\n%s", name, t.Name(), got)
	}
}

func TestMetricsAreNamedAsPrometheusAsksFor(t *testing.T) {
	m := observedMetrics(t)
	faults, err := testutil.GatherAndLint(m.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Errorf("%s: %s", f.Metric, f.Text)
	}
}

// TestMetricsAreDocumented holds docs/metrics.md to what a scrape can show.
func TestMetricsAreDocumented(t *testing.T) {
	families, err := observedMetrics(t).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("# Metrics\n\nThe metrics of `GET /metrics` at the admin address, besides `go_` and `process_` of the Go runtime and the operating system. They require no token.\n" +
		"This page is generated (`go test ./internal/web -run Documented -update-metrics`). [observability.md](observability.md) has the scrape configuration, alerts and a dashboard.\n\n" +
		"| metric | kind | labels | meaning |\n|---|---|---|---|\n")
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "interlock_") {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labelsOf(f), ", "), f.GetHelp())
		}
	}
	b.WriteString("\n## Labels\n\n| label | values |\n|---|---|\n" +
		"| `route` | the routes of the configuration, and hosts that it lists for the forward listener; `other` |\n" +
		"| `protocol` | `websocket`, `h2c`, `tls`, `masque`, `other`, `none` |\n" +
		"| `outcome`, `verdict`, `severity` | see the [glossary](glossary.md) |\n" +
		"| `rule` | the IDs of [the rulebook](rules/README.md) |\n" +
		"| `diagnosis` | the IDs of [the diagnoses](diagnoses/README.md); `other` |\n" +
		"| `source` | `live`, `probe`, `replay`, `file`, `chain`, `other` |\n" +
		"| `state` | `reporting`, `silent`, `differs`: see [fleets](fleet.md#states) |\n" +
		"\nClients cannot create series.\n")
	goldenMetrics(t, "../../docs/metrics.md", b.String())
}

// labelsOf are the names of a family's labels.
func labelsOf(f *dto.MetricFamily) (names []string) {
	for _, l := range f.GetMetric()[0].GetLabel() {
		names = append(names, "`"+l.GetName()+"`")
	}
	return names
}

// TestReportsAreCountedOnce holds that each exchange and each of its findings counts once, however
// often it is reported, and each byte of a tunnel.
func TestReportsAreCountedOnce(t *testing.T) {
	a := audit.Audit{}
	m := &Metrics{Routes: []string{"default"}}
	a.Each = m.Observe
	all := reportsOf(switchedExchange("1", "POST"), 1000, 3000, time.Minute)
	for i, want := range []string{
		`interlock_tunnels_open{protocol="websocket",route="default"} 1`,
		`interlock_exchanges_total{outcome="switched",protocol="websocket",route="default",verdict="fail"} 1`,
		`interlock_tunnels_open{protocol="websocket",route="default"} 0`,
	} {
		a.Observe(all[i])
		if got := scraped(t, m); !strings.Contains(got, want+"\n") {
			t.Errorf("behind report %d: got\n%s\nwant %s", i, got, want)
		}
	}
	got := scraped(t, m)
	for _, want := range []string{
		`interlock_findings_total{rule="UPGRADE-POST",severity="critical",source="live"} 1`,
		`interlock_unsafe_switches_total{blocked="false",route="default",source="live"} 1`,
		`interlock_exchanges_total{outcome="switched",protocol="websocket",route="default",verdict="fail"} 1`,
		`interlock_tunnel_bytes_total{direction="up"} 1000`, `interlock_tunnel_bytes_total{direction="down"} 3000`,
		`interlock_tunnel_seconds_sum{protocol="websocket",route="default"} 60`,
		`interlock_handshake_seconds_count{protocol="websocket",route="default"} 1`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("got\n%s\nwant %s", got, want)
		}
	}
}

// TestDiagnosesAreCounted holds that every diagnosis has a series from the start, that each counts
// once for a live exchange however often that is reported, and that no other text makes a series.
func TestDiagnosesAreCounted(t *testing.T) {
	m := &Metrics{}
	for _, k := range diagnose.All() {
		if got, want := scraped(t, m), fmt.Sprintf("interlock_diagnoses_total{diagnosis=%q} 0\n", k.ID); !strings.Contains(got, want) {
			t.Fatalf("got\n%s\nwant %s", got, want)
		}
	}
	a := audit.Audit{Each: m.Observe}
	x := strippedExchange("1")
	x.Final = false
	again := *x
	again.Revision, again.Final = 1, true
	a.Observe(x)
	a.Observe(&again)
	probe := strippedExchange("2")
	probe.Origin, probe.Probe = wire.OriginProbe, "CTRL-WS"
	a.Observe(probe)
	odd := rules.Classify(rules.Case{X: strippedExchange("3")})
	odd.Diagnoses = []rules.Diagnosis{{ID: "of-another-release"}}
	m.Observe(odd)
	got := scraped(t, m)
	for _, want := range []string{`{diagnosis="stripped-upgrade"} 1`, `{diagnosis="other"} 1`} {
		if !strings.Contains(got, "interlock_diagnoses_total"+want+"\n") {
			t.Errorf("got\n%s\nwant %s", got, want)
		}
	}
	if strings.Contains(got, "another-release") {
		t.Errorf("a series of another release in\n%s", got)
	}
}

// TestClientsMintNoSeries holds that the number of series does not depend on what clients send, and
// not on routes that the configuration does not have.
func TestClientsMintNoSeries(t *testing.T) {
	a := audit.Audit{}
	m := &Metrics{Routes: []string{"default"}}
	a.Each = m.Observe
	count := func(from int) int {
		var workers sync.WaitGroup
		for i := range 300 {
			workers.Go(func() {
				x := refusedExchange(fmt.Sprint(from+i), fmt.Sprintf("M%d", from+i))
				x.Request = wire.ReadRequest(fmt.Appendf(nil, soundRequest, fmt.Sprintf("M%d", from+i), fmt.Sprintf("/p%d?\xff", from+i), fmt.Sprintf("proto-%d", from+i)))
				x.Route, x.Client = fmt.Sprintf("host-%d.test", from+i), fmt.Sprintf("192.0.2.7:%d", from+i)
				x.Outcome = wire.Outcome(fmt.Sprintf("odd-%d", from+i))
				x.Origin = wire.Origin([]string{"live", fmt.Sprintf("odd-%d", from+i)}[i%2])
				a.Observe(x)
			})
		}
		workers.Wait()
		return strings.Count(scraped(t, m), "\n")
	}
	before := count(0)
	if after := count(1000); after != before || len(m.found) > 20 {
		t.Errorf("%d lines became %d, %d findings", before, after, len(m.found))
	}
	if got := scraped(t, m); !strings.Contains(got, `route="other"`) || strings.Contains(got, "odd-") || strings.Contains(got, ".test") {
		t.Errorf("got\n%s", got)
	}
}

// TestAlertsHaveSomethingToLookAt holds that what alerts look at is there before anything happens:
// a series that begins with 1 has not increased.
func TestAlertsHaveSomethingToLookAt(t *testing.T) {
	m := &Metrics{Routes: []string{"default"}}
	m.Know("chat")
	got := scraped(t, m)
	for _, route := range []string{"default", "chat"} {
		if want := fmt.Sprintf(`interlock_unsafe_switches_total{blocked="false",route="%s",source="live"} 0`, route); !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %s", got, want)
		}
	}
}

func TestRunsAreCounted(t *testing.T) {
	m := &Metrics{}
	for _, result := range []string{"clean", "clean", "cancelled", "anything"} {
		m.EndRun(result)
	}
	got := scraped(t, m)
	for _, want := range []string{`{result="clean"} 2`, `{result="cancelled"} 1`, `{result="other"} 1`, `{result="error"} 0`} {
		if !strings.Contains(got, "interlock_probe_runs_total"+want+"\n") {
			t.Errorf("got\n%s\nwant %s", got, want)
		}
	}
}

func BenchmarkMetrics(b *testing.B) {
	a := audit.Audit{}
	var all []*rules.Ruling
	a.Each = func(r *rules.Ruling) { all = append(all, r) }
	for _, x := range reportsOf(switchedExchange("1", "GET"), 812, 4102, time.Minute) {
		a.Observe(x)
	}
	a.Observe(refusedExchange("2", "GET"))
	all = slices.Clip(all)
	m := &Metrics{Routes: []string{"default"}}
	b.Run("switched", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, r := range all[:3] {
				m.Observe(r)
			}
		}
	})
	b.Run("refused", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.Observe(all[3])
		}
	})
}
