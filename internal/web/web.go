// Package web answers on the admin address: the API, its events, the pages of web/ui, and whether the process lives and is ready.
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
)

// A Server answers on the admin address. Its fields must not be changed once Serve has been called, and their functions may be
// called by many goroutines at the same time. Where one is nil, what it does is not offered. The errors of those that do
// something are the caller's fault and fit to be shown: one line that says what is wrong.
type Server struct {
	Token   string        // what a caller must present; empty: nothing, which a loopback address alone allows
	Names   []string      // further names under which the admin address is known, for the Host field
	TLS     *tls.Config   // nil: cleartext
	Profile bool          // /debug/pprof/ answers
	Drain   time.Duration // how long requests may go on once the server is to end; 1 s

	Store    *store.Store                 // nil: nothing is shown of exchanges, findings and runs
	Audit    *audit.Audit                 // what was found; nil: nothing is shown of it
	Status   func() ui.Status             // how everything is
	Lacking  func(context.Context) []Lack // what is in the way of work; nil: nothing ever is
	Metrics  http.Handler                 // answers /metrics
	Accepted func() []accept.Entry        // what the configuration accepts
	Reports  func() report.Options        // how exports look; nil: by default
	Probe    Prober                       // runs probes

	// Replay sends the request of an exchange in the store again, with given values in place of those that were redacted, and
	// returns what came of it.
	Replay func(ctx context.Context, exchange string, given []probe.Field) (*rules.Ruling, error)
	// Accept writes an entry into the file of what is accepted, if that is confirmed, and lets it take effect. The diff is what is
	// written, or would be.
	Accept func(ctx context.Context, w accept.Written, confirmed bool) (file, diff string, err error)
	// Reload reads the configuration again and says what has changed; it puts that into effect if it is confirmed.
	Reload func(ctx context.Context, confirmed bool) ([]ui.Change, error)
	// Pause stops to keep exchanges, or goes on. Findings are always kept.
	Pause func(paused bool)

	runs   runs
	events events
}

// A Lack is something that is in the way of work. Everybody may read it.
type Lack struct {
	Part   string `json:"part"`   // store or backend
	Name   string `json:"name"`   // of the route, for a backend
	Reason string `json:"reason"` // one line, without addresses
}

// Observe tells whoever follows the events of a ruling. It does not wait, and costs next to nothing while nobody does.
func (s *Server) Observe(r *rules.Ruling) { s.events.observe(r) }

// Serve answers on ln until ctx ends. It closes ln, ends the probe runs that are under way, and nothing that it started is
// alive when it returns.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	s.runs.open(ctx, &s.events)
	defer s.runs.close()
	d := &authenticator{token: s.Token, loopback: IsLoopback(ln.Addr()), names: s.Names, secure: s.TLS != nil}
	return s.answer(ctx, ln, d.guard(s.mux(d)))
}

// ServeOpen answers on ln until ctx ends, as Serve does, and gives nothing but /healthz, /readyz and /metrics, which need no token
// and are in cleartext. It is for an address of their own.
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
