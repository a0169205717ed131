package lab

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// The limits for each client.
const (
	maxHead     = 64 << 10         // bytes of a request head
	maxMessage  = 64 << 10         // bytes of a frame, or of a message if the library limits messages
	headTime    = 10 * time.Second // from the first byte of a request to the end of its head or body
	idleTime    = 2 * time.Minute  // without a byte, between requests and in a tunnel
	writeTime   = 10 * time.Second // for one write
	lingerTime  = time.Second      // for bytes that a client sends after its response
	lingerBytes = 256 << 10
	retryTime   = 100 * time.Millisecond // until accepting is tried again
)

// A Server is a running backend.
type Server struct {
	Backend Backend
	Addr    string // host:port that it listens on
	URL     string // http://host:port

	listener *listener
	done     chan struct{} // closed when everything of the backend has ended
}

// Start runs the backend with that name on a free port of 127.0.0.1. The caller closes it.
func Start(name string) (*Server, error) { return Listen(name, "127.0.0.1:0") }

// Listen runs the backend with that name on a TCP address. The caller closes it.
func Listen(name, addr string) (*Server, error) {
	b, err := Find(name)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Backend:  b,
		Addr:     ln.Addr().String(),
		URL:      "http://" + ln.Addr().String(),
		listener: newListener(ln),
		done:     make(chan struct{}),
	}
	go s.run()
	return s, nil
}

// Close stops listening and closes every connection, tunnels too. Before it returns, everything
// that the backend started has ended. It may be called more than once and concurrently.
func (s *Server) Close() {
	_ = s.listener.Close()
	<-s.done
}

func (s *Server) run() {
	defer close(s.done)
	switch b := &s.Backend; {
	case b.site != nil:
		serveSite(s.listener, b.site)
	case b.talk != nil:
		serveRaw(s.listener, b.talk)
	default:
		serveRaw(s.listener, b.serve)
	}
}

// serveSite serves with net/http until the listener is closed and every handler has returned, also
// those that have hijacked their connection.
func serveSite(d *listener, site http.Handler) {
	var handlers sync.WaitGroup
	server := http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handlers.Add(1)
			defer handlers.Done()
			site.ServeHTTP(w, r)
		}),
		ReadTimeout:    headTime,
		WriteTimeout:   writeTime,
		IdleTimeout:    idleTime,
		MaxHeaderBytes: maxHead - 4<<10, // net/http adds 4 KiB of its own
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	_ = server.Serve(d)
	// The listener has closed every connection; Shutdown waits until net/http has noticed, so no
	// handler begins afterwards.
	_ = server.Shutdown(context.Background())
	handlers.Wait()
}
