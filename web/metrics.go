package web

import (
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/interlock-proxy/interlock/audit"
	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/store"
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

	exchanges, findings, unsafe, bytes, runs *prometheus.CounterVec
	handshake, tunnel                        *prometheus.HistogramVec
	open                                     *prometheus.GaugeVec
	up, down                                 prometheus.Counter

	mu     sync.Mutex
	routes map[string]bool
	series map[way]*series
	found  map[found]prometheus.Counter
	seen   map[string]*reported // exchanges that will be reported again, by ID
}

// way is what live exchanges are told apart by.
type way struct{ route, protocol string }

// found is what findings are told apart by.
type found struct {
	rule     *rules.Rule
	severity rules.Severity
	source   string
}

// series are those of one way.
type series struct {
	handshake, tunnel prometheus.Observer
	open              prometheus.Gauge
	judged            map[judged]prometheus.Counter
}

type judged struct {
	outcome wire.Outcome
	verdict rules.Verdict
}

// reported is what an exchange has been counted in until its last report.
type reported struct {
	series   *series // nil: of an exchange that is not live
	judged   bool
	unsafe   bool
	open     bool
	up, down int64 // bytes
	rules    []*rules.Rule
}

// otherLabel stands for every value that has no series of its own.
const otherLabel = "other"

// Observe counts what a ruling shows. An exchange that is reported again is counted once, each of its findings is, and the
// bytes of its tunnel are.
func (m *Metrics) Observe(r *rules.Ruling) {
	m.start()
	x := r.X
	m.mu.Lock()
	defer m.mu.Unlock()
	was, again := m.seen[x.ID]
	if !again {
		was = &reported{}
		if !x.Final {
			m.seen[x.ID] = was
		}
	} else if x.Final {
		delete(m.seen, x.ID)
	}
	m.countFindings(was, r)
	if r.Unsafe && !was.unsafe {
		was.unsafe = true
		m.unsafe.WithLabelValues(m.route(x.Route), source(x.Origin), yesNo(x.Blocked)).Inc()
	}
	if x.Origin != wire.OriginLive {
		return
	}
	if was.series == nil {
		was.series = m.of(way{m.route(x.Route), x.Protocol()})
	}
	m.countExchange(was, r)
	m.countTunnel(was, x)
}

// countFindings counts each rule that did not pass. The lock is held.
func (m *Metrics) countFindings(was *reported, r *rules.Ruling) {
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict >= rules.Pass || was.has(f.Rule) {
			continue
		}
		was.rules = append(was.rules, f.Rule)
		k := found{f.Rule, f.Severity, source(r.X.Origin)}
		c := m.found[k]
		if c == nil {
			c = m.findings.WithLabelValues(k.rule.ID, k.severity.String(), k.source)
			m.found[k] = c
		}
		c.Inc()
	}
}

func (was *reported) has(r *rules.Rule) bool {
	for _, known := range was.rules {
		if known == r {
			return true
		}
	}
	return false
}

// countExchange counts an exchange that has been judged. The lock is held.
func (m *Metrics) countExchange(was *reported, r *rules.Ruling) {
	x := r.X
	if !x.Complete || was.judged {
		return
	}
	was.judged = true
	k := judged{knownOutcome(x.Outcome), r.Verdict}
	c := was.series.judged[k]
	if c == nil {
		w := way{m.route(x.Route), x.Protocol()}
		c = m.exchanges.WithLabelValues(w.route, w.protocol, string(k.outcome), k.verdict.String())
		was.series.judged[k] = c
	}
	c.Inc()
	if x.Took > 0 {
		was.series.handshake.Observe(x.Took.Seconds())
	}
}

// countTunnel follows the tunnel behind a switch. The lock is held.
func (m *Metrics) countTunnel(was *reported, x *wire.Exchange) {
	if x.Outcome != wire.Switched || x.Blocked {
		return
	}
	m.up.Add(float64(max(x.After.ClientBytes-was.up, 0)))
	m.down.Add(float64(max(x.After.ServerBytes-was.down, 0)))
	was.up, was.down = max(was.up, x.After.ClientBytes), max(was.down, x.After.ServerBytes)
	if !x.Final && !was.open {
		was.open = true
		was.series.open.Inc()
	}
	if x.Final {
		if was.open {
			was.series.open.Dec()
		}
		was.series.tunnel.Observe(x.After.Open.Seconds())
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
