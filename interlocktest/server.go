package interlocktest

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// patience is how long a handler may take to return after its connection is closed.
const patience = 5 * time.Second

// A server serves a handler on a loopback address until it is stopped.
type server struct {
	http     http.Server
	listener net.Listener
	serving  sync.WaitGroup

	mu      sync.Mutex
	log     func(string)      // nil once the server is stopped
	conns   map[net.Conn]bool // open ones, hijacked ones too
	running int               // calls of the handler
	idle    chan struct{}     // closed when running is 0 after the listener was closed; nil before
}

// serve starts a server.
func serve(handler http.Handler, log func(string)) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{listener: l, log: log, conns: map[net.Conn]bool{}}
	s.http = http.Server{Handler: s.counted(handler), ConnState: s.changed, ErrorLog: s.logger()}
	s.serving.Go(func() { _ = s.http.Serve(l) })
	return s, nil
}

func (s *server) address() string { return s.listener.Addr().String() }

// counted counts the running calls of a handler.
func (s *server) counted(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.running++
		s.mu.Unlock()
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.running--; s.running == 0 && s.idle != nil {
				close(s.idle)
				s.idle = nil
			}
		}()
		handler.ServeHTTP(w, r)
	})
}

// changed keeps the connections that are open. A hijacked one stays: the handler does not say when it
// closes it.
func (s *server) changed(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.conns[conn] = true
	case http.StateClosed:
		delete(s.conns, conn)
	}
}

// stop closes all connections and waits for the calls of the handler, up to patience.
func (s *server) stop(patience time.Duration) {
	_ = s.http.Close()
	s.serving.Wait()
	s.mu.Lock()
	for conn := range s.conns {
		_ = conn.Close()
	}
	idle := make(chan struct{})
	if s.idle = idle; s.running == 0 {
		close(idle)
		s.idle = nil
	}
	s.mu.Unlock()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-idle:
	case <-late.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running > 0 {
		s.log(fmt.Sprintf("%d calls of the handler have not returned %v after their connections were closed: goroutines leak", s.running, patience))
	}
	s.log, s.idle = nil, nil
}

// logger returns a logger for the server, which says nothing after the server is stopped.
func (s *server) logger() *log.Logger { return log.New(lines{s}, "", 0) }

type lines struct{ of *server }

// Write is part of io.Writer.
func (l lines) Write(p []byte) (int, error) {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	if l.of.log != nil {
		l.of.log("server: " + strings.TrimSuffix(string(p), "\n"))
	}
	return len(p), nil
}
