// Package web answers on the admin address: the API, its events, the pages of web/ui, and whether
// the process lives and is ready.
package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/interlock-proxy/interlock/internal/accept"
	"github.com/interlock-proxy/interlock/internal/audit"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/report"
	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/internal/web/ui"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A Server serves the admin address. Its fields must not be changed after the first call of Serve,
// and their functions must be safe for concurrent use. If a function is nil, what it does is not
// offered. Errors of actions are the caller's fault: one line that can be shown.
type Server struct {
	Token   string        // that callers must present; empty: none, which is allowed on loopback only
	Names   []string      // further names under which the admin address is known, for the Host field
	TLS     *tls.Config   // nil: cleartext
	Profile bool          // /debug/pprof/ answers
	Drain   time.Duration // how long requests may go on once the server is to end; 1 s

	Store    *store.Store                 // nil: there are no exchanges, findings and runs
	Session  string                       // the ID of this start among those that share the store
	Audit    *audit.Audit                 // findings in memory; nil: none are shown
	Status   func() ui.Status             // how everything is
	Lacking  func(context.Context) []Lack // what keeps the process from being ready; may be nil
	Metrics  http.Handler                 // answers /metrics
	Accepted func() []accept.Entry        // the configured entries
	Reports  func() report.Options        // how exports look; nil: by default
	Probe    Prober                       // runs probes

	// Tunnels returns the exchanges of the latest open tunnels, at most that many, and how many are
	// open in all. Tunnel returns that of one, by ID; nil if it is not open. Both need Audit.
	Tunnels func(most int) ([]*wire.Exchange, int)
	Tunnel  func(id string) *wire.Exchange

	// Replay sends the request of a stored exchange again, with given values in place of redacted
	// ones, and returns the ruling on the new exchange.
	Replay func(ctx context.Context, exchange string, given []probe.Field) (*rules.Ruling, error)
	// Accept adds an entry to the file of accepted findings, if confirmed, and applies it. It
	// returns the diff.
	Accept func(ctx context.Context, w accept.Written, confirmed bool) (file, diff string, err error)
	// Reload reads the configuration again and returns the changes. It applies them if confirmed.
	Reload func(ctx context.Context, confirmed bool) ([]ui.Change, error)
	// Pause stops to keep exchanges, or goes on. Findings are always kept.
	Pause func(paused bool)

	runs   runs
	events events
}

// A Lack is something that keeps the process from being ready. Anyone may read it.
type Lack struct {
	Part   string `json:"part"`   // store or backend
	Name   string `json:"name"`   // of the route, for a backend
	Reason string `json:"reason"` // one line, without addresses
}

// Observe sends the events of a ruling to subscribers. It does not block, and is cheap if there are
// none.
func (s *Server) Observe(r *rules.Ruling) { s.events.observe(r) }

// Serve serves ln until ctx ends. Before it returns, it closes ln and ends probe runs and
// everything else that it started.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	s.runs.open(ctx, &s.events)
	defer s.runs.close()
	d := &authenticator{token: s.Token, loopback: IsLoopback(ln.Addr()), names: s.Names, secure: s.TLS != nil}
	return s.answer(ctx, ln, d.guard(s.mux(d)))
}

// ServeOpen serves only /healthz, /readyz and /metrics on ln until ctx ends, without a token and
// without TLS. It is for an address of their own.
func (s *Server) ServeOpen(ctx context.Context, ln net.Listener) error {
	mux := http.NewServeMux()
	for _, r := range s.open() {
		mux.HandleFunc(r.pattern, r.handler)
	}
	plain := &Server{Drain: s.Drain}
	return plain.answer(ctx, ln, limited(mux))
}

// answer serves until ctx ends.
func (s *Server) answer(ctx context.Context, ln net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: slowest,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	if s.TLS != nil {
		c := s.TLS.Clone()
		c.NextProtos = []string{"http/1.1"}
		ln = tls.NewListener(ln, c)
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		s.shut(server)
	})
	err := server.Serve(ln)
	if !stop() {
		<-ended
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve admin address %q: %w", ln.Addr(), err)
}

// shut lets requests end for a moment and then ends them. Their contexts are over already.
func (s *Server) shut(server *http.Server) {
	drain := s.Drain
	if drain <= 0 {
		drain = time.Second
	}
	ctx, stop := context.WithTimeout(context.Background(), drain)
	defer stop()
	if server.Shutdown(ctx) != nil {
		server.Close()
	}
}

// IsLoopback reports whether an address is reached from this machine only.
func IsLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
