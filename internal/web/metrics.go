package web

import (
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/diagnose"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Metrics are the Prometheus metrics of a process. Labels take their values from fixed sets, the
// configuration and the rulebook, so no client can add a series. The exported fields must not be
// changed after the first call of a method. All methods are safe for concurrent use.
type Metrics struct {
	Version        string
	Routes         []string      // names of the configured routes; others are counted under other
	Relay          *proxy.Relay  // its connections are shown; nil: none are
	Audit          *audit.Audit  // its counts of what was shed are exported; nil: none are
	Writer         *store.Writer // how it and its store are is shown; nil: they are not
	DroppedRulings func() int64  // the number of rulings that did not reach a collector; nil: none are sent
	// Instances returns how many instances that share the store are in each state, as it was read a moment
	// ago; nil, or false: it is not known.
	Instances func() (map[store.InstanceState]int, bool)
	Dropped   func() int64 // the number of trace spans that were dropped; nil: there are no traces

	once     sync.Once
	registry *prometheus.Registry
	size     storeSize

	exchanges, amended, findings, unsafe, bytes, runs *prometheus.CounterVec
	diagnoses                                         *prometheus.CounterVec
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

// otherLabel is the label of every value without a series of its own.
const otherLabel = "other"

// Observe counts a ruling. An exchange that is reported again is counted once, and so are its
// findings and the bytes of its tunnel.
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
	m.countDiagnoses(r)
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

// countDiagnoses counts what explains a live exchange, each diagnosis once for the exchange. The
// lock is held.
func (m *Metrics) countDiagnoses(r *rules.Ruling) {
	for i := range r.Diagnoses {
		id := r.Diagnoses[i].ID
		if r.Before.Explained(id) {
			continue
		}
		if diagnose.Find(id) == nil {
			id = otherLabel
		}
		m.diagnoses.WithLabelValues(id).Inc()
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

// countTunnel counts the tunnel after a switch. The lock is held.
func (m *Metrics) countTunnel(s *series, was *rules.Before, r *rules.Ruling) {
	s.open.Add(float64(r.Opened()))
	x := r.X
	if x.Outcome != wire.Switched || x.Blocked {
		return
	}
	m.up.Add(float64(max(x.After.ClientBytes-was.ClientBytes, 0)))
	m.down.Add(float64(max(x.After.ServerBytes-was.ServerBytes, 0)))
	if x.Final && !was.Final {
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
