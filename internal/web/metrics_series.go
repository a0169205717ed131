package web

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/wire"
)

// start creates the metrics in a registry of their own. The series that alerts use, such as unsafe
// switches by route, start at 0: Prometheus sees no increase in a series that was absent.
func (m *Metrics) start() {
	m.once.Do(func() {
		m.routes, m.series, m.found = map[string]bool{}, map[seriesKey]*series{}, map[found]prometheus.Counter{}
		m.registry = prometheus.NewRegistry()
		m.exchanges = counter("interlock_exchanges_total", "Upgrade exchanges of live traffic, each once, by the verdict that it had when all was known to judge it.",
			"route", "protocol", "outcome", "verdict")
		m.amended = counter("interlock_exchanges_amended_total", "Upgrade exchanges of live traffic that turned out to be worse after they were counted, by the verdict that they have now.",
			"route", "protocol", "verdict")
		m.findings = counter("interlock_findings_total", "Rules that did not pass, each once for an exchange; source is who caused that.", "rule", "severity", "source")
		m.unsafe = counter("interlock_unsafe_switches_total", "Exchanges in which the server switched and must not have; blocked: the guard kept that from the client.",
			"route", "source", "blocked")
		m.diagnoses = counter("interlock_diagnoses_total", "What explains exchanges of live traffic: why an upgrade failed, or who ended a tunnel. Each diagnosis counts once for an exchange.", "diagnosis")
		m.bytes = counter("interlock_tunnel_bytes_total", "Bytes carried behind a 101, up to the server and down to the client. Those of a tunnel are counted shortly after its beginning and at its end.", "direction")
		m.runs = counter("interlock_probe_runs_total", "Probe runs that are over: clean, with findings, ended by an error, or cancelled.", "result")
		m.handshake = prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "interlock_handshake_seconds", Help: "Time from the first byte of an upgrade request to the end of the head of its final response.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route", "protocol"})
		m.tunnel = prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "interlock_tunnel_seconds", Help: "How long tunnels were open that have ended.",
			Buckets: []float64{.1, 1, 10, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600},
		}, []string{"route", "protocol"})
		m.open = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "interlock_tunnels_open", Help: "Tunnels that are open."}, []string{"route", "protocol"})
		build := prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "interlock_build_info", Help: "Always 1; the labels say what runs.",
			ConstLabels: prometheus.Labels{"version": m.Version, "goversion": runtime.Version()},
		})
		build.Set(1)
		m.registry.MustRegister(m.exchanges, m.amended, m.findings, m.unsafe, m.diagnoses, m.bytes, m.runs, m.handshake, m.tunnel, m.open, build,
			&figures{m}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		m.up, m.down = m.bytes.WithLabelValues("up"), m.bytes.WithLabelValues("down")
		for _, result := range []string{"clean", "findings", "error", "cancelled"} {
			m.runs.WithLabelValues(result)
		}
		for _, k := range diagnose.All() {
			m.diagnoses.WithLabelValues(k.ID)
		}
		m.know(append(m.Routes[:len(m.Routes):len(m.Routes)], otherLabel))
	})
}

func counter(name, text string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: text}, labels)
}

// know adds names of routes. The lock is held, or the caller is the only one that has m.
func (m *Metrics) know(routes []string) {
	for _, route := range routes {
		m.routes[route] = true
		for _, origin := range []wire.Origin{wire.OriginLive, wire.OriginProbe} {
			m.unsafe.WithLabelValues(route, string(origin), "false")
		}
		m.unsafe.WithLabelValues(route, string(wire.OriginLive), "true")
	}
}

// route returns the label of a route. The lock is held.
func (m *Metrics) route(name string) string {
	if m.routes[name] {
		return name
	}
	return otherLabel
}

// of returns the series of a key, and creates them at first. The lock is held.
func (m *Metrics) of(w seriesKey) *series {
	s := m.series[w]
	if s == nil {
		s = &series{
			handshake: m.handshake.WithLabelValues(w.route, w.protocol), tunnel: m.tunnel.WithLabelValues(w.route, w.protocol),
			open: m.open.WithLabelValues(w.route, w.protocol), judged: map[judged]prometheus.Counter{},
		}
		m.series[w] = s
	}
	return s
}

// source returns the label of an origin.
func source(o wire.Origin) string {
	switch o {
	case wire.OriginLive, wire.OriginProbe, wire.OriginReplay, wire.OriginFile, wire.OriginChain:
		return string(o)
	}
	return otherLabel
}

// knownOutcome returns the label of an outcome.
func knownOutcome(o wire.Outcome) wire.Outcome {
	switch o {
	case wire.Switched, wire.Refused, wire.Redirected, wire.Ignored, wire.Closed, wire.Silent, wire.Late, wire.Opaque, wire.Unseen, wire.Local, wire.Reset, wire.GoneAway:
		return o
	}
	return otherLabel
}

func yesNo(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
