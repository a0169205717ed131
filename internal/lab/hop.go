package lab

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// A Hop is a small reverse proxy, sound or with one fault. Its one backend is given by address.
type Hop struct {
	Addr string // host:port that it listens on

	fault    hopFault
	http2    bool          // it speaks HTTP/2 too
	gateway  gatewayManner // how
	secure   *tls.Config   // nil: plain text
	backend  string
	listener *listener
	done     chan struct{} // closed when everything of the hop has ended
	serving  sync.WaitGroup

	mu   sync.Mutex
	pool []*hopConn // backend connections without a request
	all  map[*hopConn]struct{}
	shut bool
}

// A hopConn is a backend connection.
type hopConn struct {
	net.Conn
	br   *bufio.Reader
	host string // its address
}

// A HopConfig says how a hop is run.
type HopConfig struct {
	Listen  string      // TCP address; empty: a free port of 127.0.0.1
	Backend string      // host and port of its one backend
	TLS     *tls.Config // nil: plain text
}

// StartHop runs the hop or gateway with that name on a free port of 127.0.0.1, in front of the backend at
// that address. The caller closes it.
func StartHop(name, backend string) (*Hop, error) { return RunHop(name, HopConfig{Backend: backend}) }

// RunHop runs the hop or gateway with that name. The caller closes it.
func RunHop(name string, c HopConfig) (*Hop, error) {
	h := &Hop{backend: c.Backend, secure: c.TLS, done: make(chan struct{}), all: map[*hopConn]struct{}{}}
	gateways := h2Gateways()
	if i := slices.IndexFunc(gateways, func(g h2Gateway) bool { return g.name == name }); i >= 0 {
		h.http2, h.gateway = true, gateways[i].manner
	} else if i := slices.Index(Hops(), name); i >= 0 {
		h.fault = hopFault(i)
	} else {
		return nil, fmt.Errorf("find proxy %q: no proxy has that name", name)
	}
	ln, err := net.Listen("tcp", cmp.Or(c.Listen, "127.0.0.1:0"))
	if err != nil {
		return nil, err
	}
	h.Addr, h.listener = ln.Addr().String(), newListener(ln)
	go h.run()
	return h, nil
}

// Close stops listening and closes every connection. Before it returns, everything that the hop
// started has ended.
func (h *Hop) Close() {
	_ = h.listener.Close()
	h.mu.Lock()
	h.shut = true
	for c := range h.all {
		_ = c.Close()
	}
	h.mu.Unlock()
	<-h.done
}

func (h *Hop) run() {
	defer close(h.done)
	for {
		conn, err := h.listener.Accept()
		if err != nil {
			break
		}
		h.serving.Go(func() {
			defer conn.Close()
			if h.fault == hopRelays {
				h.relay(conn)
				return
			}
			h.talk(conn)
		})
	}
	h.serving.Wait()
}

// talk serves a client in the version of HTTP that it speaks.
func (h *Hop) talk(conn net.Conn) {
	if h.secure != nil {
		config := h.secure.Clone()
		if config.NextProtos = []string{"http/1.1"}; h.http2 {
			config.NextProtos = []string{"h2", "http/1.1"}
		}
		secure := tls.Server(conn, config)
		_ = conn.SetDeadline(time.Now().Add(headTime))
		if secure.Handshake() != nil {
			return
		}
		_ = conn.SetDeadline(time.Time{})
		conn = secure
	}
	client := &hopConn{Conn: conn, br: bufio.NewReader(conn)}
	_ = conn.SetReadDeadline(time.Now().Add(idleTime))
	if start, _ := client.br.Peek(3); h.http2 && string(start) == h2Preface[:3] {
		speakHTTP2(h, client)
		return
	}
	h.serve(client)
}

// is reports whether the hop has that fault.
func (h *Hop) is(f hopFault) bool { return h.fault == f }

func (h *Hop) relay(conn net.Conn) {
	b, err := h.dial(h.backend)
	if err != nil {
		return
	}
	defer h.drop(b)
	h.tunnel(&hopConn{Conn: conn, br: bufio.NewReader(conn)}, b)
}

// dial opens a connection to a server.
func (h *Hop) dial(address string) (*hopConn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	b := &hopConn{conn, bufio.NewReader(conn), address}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shut {
		conn.Close()
		return nil, net.ErrClosed
	}
	h.all[b] = struct{}{}
	return b, nil
}

// drop closes a backend connection.
func (h *Hop) drop(b *hopConn) {
	_ = b.Close()
	h.mu.Lock()
	delete(h.all, b)
	h.mu.Unlock()
}

// get returns a connection to a server, one of the pool if it is fit to be used again.
func (h *Hop) get(address string) (*hopConn, error) {
	for {
		h.mu.Lock()
		i := slices.IndexFunc(h.pool, func(b *hopConn) bool { return b.host == address })
		if i < 0 {
			h.mu.Unlock()
			return h.dial(address)
		}
		b := h.pool[i]
		h.pool = slices.Delete(h.pool, i, i+1)
		h.mu.Unlock()
		alive := b.alive()
		if alive && (b.br.Buffered() == 0 || h.is(hopPoolsDirty)) {
			return b, nil
		}
		h.drop(b)
	}
}

// put returns a connection to the pool.
func (h *Hop) put(b *hopConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pool = append(h.pool, b)
}

// tunnel passes bytes both ways until both have ended. Bytes that were read before come first.
func (h *Hop) tunnel(client, backend *hopConn) {
	ended := make(chan struct{}, 2) // one for each direction
	pass := func(to, from *hopConn, waits bool) {
		if h.is(hopReframes) && from == client {
			_ = remask(to, from)
		} else {
			_, _ = from.br.WriteTo(to.Conn)
		}
		if !waits {
			if half, ok := to.Conn.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
		}
		ended <- struct{}{}
	}
	go pass(backend, client, h.is(hopLeaks) || h.is(hopPoolsSwitched))
	go pass(client, backend, h.is(hopHangs))
	<-ended
	if h.is(hopPoolsSwitched) {
		_ = client.Close()
		_ = backend.SetReadDeadline(time.Now())
	}
	<-ended
	_ = backend.SetReadDeadline(time.Time{})
}
