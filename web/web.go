// Package web answers on the admin address: whether the process lives, what live traffic has shown, and probe runs.
package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/interlock-proxy/interlock/audit"
)

// A Server answers on the admin address. Its fields must not be changed once Serve has been called.
type Server struct {
	Token string       // what a caller must present; empty: nothing, which a loopback address alone allows
	Audit *audit.Audit // what was found; nil: nothing is shown of it
	Probe Prober       // runs probes; nil: there are none
	// Reload puts the configuration into effect as it is now, and returns the keys that have changed; nil: it cannot.
	Reload func(context.Context) (changed []string, err error)

	Names []string      // further names under which the admin address is known, for the Host field
	Drain time.Duration // how long requests may go on once the server is to end; 1 s

	runs runs
}

// Serve answers on ln until ctx ends. It closes ln, ends the probe runs that are under way, and nothing that it started is
// alive when it returns. /healthz says that the process is alive, to anybody who asks.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	s.runs.open(ctx)
	defer s.runs.close()
	door := door{token: s.Token, loopback: isLoopback(ln.Addr()), names: s.Names}
	server := &http.Server{
		Handler: door.guard(s.routes()), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
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

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /api/v1/endpoints", s.listEndpoints)
	mux.HandleFunc("POST /api/v1/reload", s.reload)
	mux.HandleFunc("POST /api/v1/probe-runs", s.startRun)
	mux.HandleFunc("GET /api/v1/probe-runs", s.listRuns)
	mux.HandleFunc("GET /api/v1/probe-runs/{run}", s.showRun)
	mux.HandleFunc("DELETE /api/v1/probe-runs/{run}", s.cancelRun)
	mux.HandleFunc("GET /api/v1/probe-runs/{run}/events", s.followRun)
	return mux
}

func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
