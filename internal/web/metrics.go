package web

import (
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Metrics are what Prometheus is told about a process. Each label has a fixed set of values, or those of the configuration
// and of the rulebook, and nothing that a client sends makes a series. The exported fields must not be changed once a method
// has been called; all methods may be called by many goroutines at the same time.
type Metrics struct {
	Version string
	Routes  []string      // names of the configuration's routes; what belongs to another one is counted under other
	Relay   *proxy.Relay  // its connections are shown; nil: none are
	Audit   *audit.Audit  // what it could not keep is shown; nil: nothing is
	Writer  *store.Writer // how it and its store are is shown; nil: they are not
	Dropped func() int64  // how many spans of traces were lost; nil: there are no traces

	once     sync.Once
	registry *prometheus.Registry
	size     storeSize

	exchanges, amended, findings, unsafe, bytes, runs *prometheus.CounterVec
	handshake, tunnel                                 *prometheus.HistogramVec
	open                                              *prometheus.GaugeVec
	up, down                                          prometheus.Counter

	mu     sync.Mutex
	routes map[string]bool
	series map[seriesKey]*series
	found  map[found]prometheus.Counter
}

// A seriesKey identifies the metrics of live exchanges.
type seriesKey struct{ route, protocol string }

// found identifies a counter of findings.
type found struct {
	rule     *rules.Rule
	severity rules.Severity
	source   string
}

// series are the metrics of one key.
type series struct {
	handshake, tunnel prometheus.Observer
	open              prometheus.Gauge
	judged            map[judged]prometheus.Counter
}

type judged struct {
	outcome wire.Outcome
	verdict rules.Verdict
}

// otherLabel stands for every value that has no series of its own.
const otherLabel = "other"

// Observe counts what a ruling shows. An exchange that is reported again is counted once, each of its findings is, and the
// bytes of its tunnel are.
func (m *Metrics) Observe(r *rules.Ruling) {
	m.start()
	x, was := r.X, r.Before
	if was == nil {
		was = &rules.Before{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.countFindings(r)
	if r.Unsafe && !was.Unsafe {
		m.unsafe.WithLabelValues(m.route(x.Route), source(x.Origin), yesNo(x.Blocked)).Inc()
	}
	if x.Origin != wire.OriginLive {
		return
	}
	w := seriesKey{m.route(x.Route), x.Protocol()}
	s := m.of(w)
	if x.Complete && !was.Judged {
		m.countExchange(s, w, r)
	} else if x.Complete && r.Verdict < was.Verdict {
		m.amended.WithLabelValues(w.route, w.protocol, r.Verdict.String()).Inc()
	}
	m.countTunnel(s, was, r)
}

// countFindings counts each rule that did not pass. The lock is held.
func (m *Metrics) countFindings(r *rules.Ruling) {
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict >= rules.Pass || r.Before.Has(f.Rule) {
			continue
		}
		k := found{f.Rule, f.Severity, source(r.X.Origin)}
		c := m.found[k]
		if c == nil {
			c = m.findings.WithLabelValues(k.rule.ID, k.severity.String(), k.source)
			m.found[k] = c
		}
		c.Inc()
	}
}

// countExchange counts an exchange that has been judged. The lock is held.
func (m *Metrics) countExchange(s *series, w seriesKey, r *rules.Ruling) {
	k := judged{knownOutcome(r.X.Outcome), r.Verdict}
	c := s.judged[k]
	if c == nil {
		c = m.exchanges.WithLabelValues(w.route, w.protocol, string(k.outcome), k.verdict.String())
		s.judged[k] = c
	}
	c.Inc()
	if r.X.Took > 0 {
		s.handshake.Observe(r.X.Took.Seconds())
	}
}

// countTunnel follows the tunnel behind a switch. The lock is held.
func (m *Metrics) countTunnel(s *series, was *rules.Before, r *rules.Ruling) {
	s.open.Add(float64(r.Opened()))
	x := r.X
	if x.Outcome != wire.Switched || x.Blocked {
		return
	}
	m.up.Add(float64(max(x.After.ClientBytes-was.ClientBytes, 0)))
	m.down.Add(float64(max(x.After.ServerBytes-was.ServerBytes, 0)))
	if x.Final {
		s.tunnel.Observe(x.After.Open.Seconds())
	}
}

// EndRun counts a probe run that is over: clean, findings, error or cancelled.
func (m *Metrics) EndRun(result string) {
	m.start()
	switch result {
	case "clean", "findings", "error", "cancelled":
	default:
		result = otherLabel
	}
	m.runs.WithLabelValues(result).Inc()
}

// Know takes names of further routes of the configuration.
func (m *Metrics) Know(routes ...string) {
	m.start()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.know(routes)
}

// Handler answers a scrape. A few are answered at a time.
func (m *Metrics) Handler() http.Handler {
	m.start()
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, EnableOpenMetrics: true})
}
