package interlocktest

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// An Auditor judges what a client under test sends: its handshakes, and its frames after a 101. It
// changes no byte. It is an [http.RoundTripper], and its methods open or wrap the connections of
// clients that do not use one. All methods may be called concurrently, until the test ends. It keeps about a
// kilobyte of each direction of an open connection, and a ruling for each upgrade until the test ends.
type Auditor struct {
	t         testing.TB
	config    config
	base      *http.Transport // as it was given
	transport *http.Transport // base with the connections of the auditor
	audit     audit.Audit
	pool      wire.Pool
	counts    wire.Counts

	mu      sync.Mutex
	open    map[*conn]bool
	order   []string // IDs of exchanges, in the order in which they were first reported
	rulings map[string]*rules.Ruling
}

var _ http.RoundTripper = (*Auditor)(nil)

// Audit returns an auditor for the client of a test. When the test and its later cleanups have ended, t
// fails for each rule of clients that was broken with the severity of [MinSeverity] or a higher one,
// whether the server rejected that or not. What the server did wrong is logged. A test in which no
// upgrade was seen fails too: nothing was judged.
//
// Transport is what requests are sent with; nil means that of [http.DefaultClient]. It is not changed.
// Only [MinSeverity] and [SkipRule] have an effect on Audit.
func Audit(t testing.TB, transport *http.Transport, options ...Option) *Auditor {
	t.Helper()
	c, err := read(options)
	if err != nil {
		t.Fatalf("interlocktest: %v", err)
	}
	if transport == nil {
		transport = new(http.Transport)
		if usual, ok := http.DefaultTransport.(*http.Transport); ok {
			transport = usual
		}
	}
	a := &Auditor{t: t, config: c, base: transport, transport: transport.Clone(), open: map[*conn]bool{}, rulings: map[string]*rules.Ruling{}}
	a.transport.DialContext, a.transport.DialTLSContext = a.DialContext, a.DialTLSContext
	a.transport.ForceAttemptHTTP2, a.transport.Protocols, a.transport.HTTP2 = false, nil, nil
	a.transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	a.audit.Each = a.keep
	t.Cleanup(a.end)
	return a
}

// RoundTrip sends a request in HTTP/1.1; it is part of [http.RoundTripper]. The body of a 101 response is
// an [io.ReadWriteCloser], as that of [http.Transport] is.
func (a *Auditor) RoundTrip(q *http.Request) (*http.Response, error) { return a.transport.RoundTrip(q) }

// Client returns a client that sends its requests through the auditor.
func (a *Auditor) Client() *http.Client { return &http.Client{Transport: a} }

// DialContext opens a connection without TLS that is audited, with the DialContext of the transport.
// Clients that speak TLS on it themselves cannot be audited: see DialTLSContext.
func (a *Auditor) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := a.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return a.Conn(conn), nil
}

// DialTLSContext opens a connection with TLS whose content is audited. It uses the DialTLSContext of the
// transport or, if that is nil, its DialContext and TLSClientConfig, and asks for HTTP/1.1 by ALPN.
func (a *Auditor) DialTLSContext(ctx context.Context, network, address string) (net.Conn, error) {
	if a.base.DialTLSContext != nil {
		conn, err := a.base.DialTLSContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return a.Conn(conn), nil
	}
	bare, err := a.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	configuration := a.base.TLSClientConfig.Clone()
	if configuration == nil {
		configuration = new(tls.Config)
	}
	if configuration.ServerName == "" {
		configuration.ServerName, _, _ = net.SplitHostPort(address)
	}
	configuration.NextProtos = []string{"http/1.1"}
	conn := tls.Client(bare, configuration)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = bare.Close()
		return nil, err
	}
	return a.Conn(conn), nil
}

func (a *Auditor) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if a.base.DialContext != nil {
		return a.base.DialContext(ctx, network, address)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

// Rulings returns what was found so far, a ruling for each upgrade that the client has asked for, in
// their order. A ruling on an open connection is replaced when more is known. The caller must not change
// the rulings.
func (a *Auditor) Rulings() []*rules.Ruling {
	a.mu.Lock()
	var open []*conn
	for c := range a.open {
		open = append(open, c)
	}
	a.mu.Unlock()
	for _, c := range open {
		c.report()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]*rules.Ruling, 0, len(a.order))
	for _, id := range a.order {
		all = append(all, a.rulings[id])
	}
	return all
}

// keep takes a ruling, in place of an earlier one on the same exchange.
func (a *Auditor) keep(r *rules.Ruling) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.rulings[r.X.ID] == nil {
		a.order = append(a.order, r.X.ID)
	}
	a.rulings[r.X.ID] = r
}

// end judges what is left and reports the findings to the test.
func (a *Auditor) end() {
	a.transport.CloseIdleConnections()
	a.mu.Lock()
	var open []*conn
	for c := range a.open {
		open = append(open, c)
	}
	a.mu.Unlock()
	for _, c := range open {
		c.settle(wire.CauseDrain)
	}
	rulings := a.Rulings()
	switch {
	case len(rulings) > 0 || a.t.Failed() || a.t.Skipped():
	case a.counts.TLS.Load() > 0:
		a.t.Error("interlocktest: the client spoke TLS on a connection of DialContext, so nothing was judged: use DialTLSContext, or wrap the TLS connection with Conn")
	default:
		a.t.Error("interlocktest: no upgrade was seen, so nothing was judged: let the client use Client, RoundTrip, DialContext, DialTLSContext or Conn of the auditor")
	}
	for _, r := range rulings {
		for i := range r.Findings {
			a.tell(r, &r.Findings[i])
		}
	}
}

// tell reports a finding to the test.
func (a *Auditor) tell(r *rules.Ruling, f *rules.Finding) {
	ofClient := f.Rule.Party == rules.Client || f.Party == rules.Client
	if f.Verdict >= rules.Pass {
		return
	}
	is := *f
	if is.Verdict = rules.Fail; ofClient && is.Party != rules.Client {
		is.Detail += "; the client sent it"
	}
	gate, reason := rules.Gate{Least: a.config.least}, a.config.excused(f.Rule.ID)
	switch {
	case f.Verdict <= rules.Warn && ofClient && reason == "" && gate.Holds(&is):
		a.t.Error(failure(r, &is, a.t.Name()))
	case reason != "":
		a.t.Logf("skipped: %s (%s): %s", is.Detail, f.Rule.ID, reason)
	default:
		a.t.Logf("%s: %s (%s, %s, %s)", f.Verdict, is.Detail, f.Rule.ID, f.Severity, f.Party)
	}
}
