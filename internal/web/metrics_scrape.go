package web

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/interlock-proxy/interlock/internal/store"
)

// figures are the numbers that others keep: they are read at each scrape.
type figures struct{ *Metrics }

const (
	gauge = prometheus.GaugeValue
	total = prometheus.CounterValue
)

// Describe is part of prometheus.Collector. It describes nothing, as the metrics depend on the
// process.
func (f *figures) Describe(chan<- *prometheus.Desc) {}

// Collect is part of prometheus.Collector.
func (f *figures) Collect(to chan<- prometheus.Metric) {
	say := func(kind prometheus.ValueType, name, text string, value int64) {
		to <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, text, nil, nil), kind, float64(value))
	}
	by := func(name, text, label string) func(string, int64) {
		desc := prometheus.NewDesc(name, text, []string{label}, nil)
		return func(of string, value int64) {
			to <- prometheus.MustNewConstMetric(desc, total, float64(value), of)
		}
	}
	shed := by("interlock_evidence_shed_total", "Exchanges that could not be kept: as there was no room in memory, or as the store did not take them. Their findings are counted all the same.", "reason")
	if f.Audit != nil {
		live, probes := f.Audit.Sums(), f.Audit.Probes()
		shed("memory", live.Shed+probes.Shed)
		say(total, "interlock_advertisements_total", "Responses that advertise protocols which the endpoint had advertised before, to requests that offer none.", live.Advertised)
	}
	if f.Audit != nil && f.Audit.Hops != nil {
		hops, n := by("interlock_hop_exchanges_total", "Upgrade exchanges of live traffic before a proxy, by what was found of them after it: paired, alone, or shed as there was no room in memory.", "result"), f.Audit.Hops.Counts()
		hops("paired", n.Paired)
		hops("alone", n.Alone)
		hops("shed", n.Shed)
	}
	if f.Writer != nil {
		s := f.Writer.State()
		shed("store", s.Shed)
		f.collectStore(&s, say)
	}
	f.collectInstances(to)
	if f.Relay != nil {
		c := &f.Relay.Counts
		say(gauge, "interlock_connections_open", "Client connections that are open.", int64(f.Relay.Open()))
		say(gauge, "interlock_connections_limit", "Client connections that may be open at the same time; at the limit, further ones wait.", int64(f.Relay.Limit()))
		say(total, "interlock_requests_total", "Requests that were answered, with an offer to upgrade or without.", c.Exchanges.Load())
		say(total, "interlock_http2_declined_total", "TLS connections of clients that wanted HTTP/2 and got HTTP/1.1.", c.Downgraded.Load())
		say(total, "interlock_http2_rejected_total", "TLS handshakes that failed, as the client takes only HTTP/2 and was offered HTTP/1.1.", c.HTTP2Only.Load())
		say(total, "interlock_http2_read_total", "Connections of which the streams of HTTP/2 are read, also after a 101 to h2c.", c.HTTP2Read.Load())
		say(total, "interlock_http3_hints_total", "Responses that point to HTTP/3 (Alt-Svc), which is not audited.", c.HTTP3.Load())
		blind := by("interlock_unaudited_total", "Connections, or rests of them, that were carried and not audited: tls and http2 by how they began, connect behind a CONNECT, backlog as too many requests were unanswered, unread for everything else.", "reason")
		tls, http2, backlog := c.TLS.Load(), c.HTTP2.Load(), c.Shed.Load()
		blind("tls", tls)
		blind("http2", http2)
		blind("connect", c.Tunnels.Load())
		blind("backlog", backlog)
		blind("unread", max(c.Opaque.Load()-tls-http2-backlog, 0))
	}
	if f.DroppedRulings != nil {
		say(total, "interlock_otel_rulings_dropped_total", "Rulings that did not reach the collector of logs.", f.DroppedRulings())
	}
	if f.Dropped != nil {
		say(total, "interlock_trace_spans_dropped_total", "Spans that did not reach the collector of traces.", f.Dropped())
	}
}

func (f *figures) collectStore(s *store.State, say func(kind prometheus.ValueType, name, text string, value int64)) {
	reachable := int64(0)
	if s.Reachable {
		reachable = 1
	}
	say(gauge, "interlock_store_reachable", "1: the store takes what is written; 0: it does not, and findings wait in memory.", reachable)
	say(gauge, "interlock_store_waiting", "Exchanges that are still to be written to the store.", int64(s.Waiting))
	say(total, "interlock_store_exchanges_written_total", "Exchanges that were written to the store.", s.Written)
	say(total, "interlock_store_exchanges_pruned_total", "Exchanges that this instance deleted from the store, as they exceeded the limits of retention.", s.Pruned)
	if bytes, ok := f.size.of(f.Writer.Store); ok {
		say(gauge, "interlock_store_bytes", "Bytes of the SQLite file that are in use, or of the exchanges in PostgreSQL, as retention counts them; at most a minute old.", bytes)
	}
}

// collectInstances says how many instances share the store. The series are absent while that is not
// known.
func (f *figures) collectInstances(to chan<- prometheus.Metric) {
	if f.Instances == nil {
		return
	}
	counts, known := f.Instances()
	if !known {
		return
	}
	desc := prometheus.NewDesc("interlock_store_instances", "Instances that share the store, this one among them. silent: no heartbeat for three intervals; differs: another version or configuration than most.", []string{"state"}, nil)
	for _, state := range []store.InstanceState{store.Reporting, store.Silent, store.Differs} {
		to <- prometheus.MustNewConstMetric(desc, gauge, float64(counts[state]), string(state))
	}
}

// storeSize is the size of the store, measured at intervals: measuring reads every exchange, and
// anyone may scrape.
type storeSize struct {
	mu    sync.Mutex
	at    time.Time
	bytes int64
	known bool
}

func (z *storeSize) of(s *store.Store) (bytes int64, ok bool) {
	if s == nil {
		return 0, false
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if time.Since(z.at) < time.Minute {
		return z.bytes, z.known
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	size, err := s.Size(ctx)
	z.at, z.bytes, z.known = time.Now(), size.Bytes, err == nil
	return z.bytes, z.known
}
