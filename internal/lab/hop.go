package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

// A Hop is a small reverse proxy, sound or with one fault. Its one backend is given by address.
type Hop struct {
	Addr string // host:port that it listens on

	fault    hopFault
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

// A hopFault is the one thing that a hop does wrong. The zero value is sound.
type hopFault uint8

// The faults of hops.
const (
	hopSound hopFault = iota
	hopRelays
	hopFabricates
	hopForwardsEarly
	hopTunnelsRefused
	hopPoolsDirty
	hopPoolsUnsent
	hopPoolsSwitched
	hopUnsolicited
	hopUnchecked
	hopHTTP10
	hopNominated
	hopH2C
	hopLosesTail
	hopLosesEarly
	hopAbsolute
	hopConnects
	hopChangesMethod
	hopInvents
	hopLosesIdentity
	hopTwoHosts
	hopUnframed
	hopReads101
	hopLosesInterim
	hopTwin
	hopLeaks
	hopHangs
	hopStrips
	hopReframes
	hopOwnH2C
	hopPassesConnect
	hopRewrites
	hopFaults
)

// name is the name of a fault, and about says what the hop does.
func (f hopFault) name() (name, about string) {
	names := [hopFaults][2]string{
		hopSound:          {"sound", "is correct"},
		hopRelays:         {"relay", "relays bytes and reads no HTTP"},
		hopFabricates:     {"fabricates-connection", "adds Connection: upgrade to a request with Upgrade"},
		hopForwardsEarly:  {"forwards-early", "forwards what follows an offer before the answer"},
		hopTunnelsRefused: {"tunnels-after-refusal", "opens a tunnel whatever the answer to an offer is"},
		hopPoolsDirty:     {"pools-dirty", "uses a connection again that has more than the response"},
		hopPoolsUnsent:    {"pools-unsent-body", "uses a connection again on which a body is incomplete"},
		hopPoolsSwitched:  {"pools-switched", "uses a connection again that was a tunnel"},
		hopUnsolicited:    {"relays-unsolicited-101", "relays a 101 to a request without an offer"},
		hopUnchecked:      {"relays-any-101", "relays a 101 to an offer without a look at its headers"},
		hopHTTP10:         {"upgrades-http10", "takes an HTTP/1.0 request for an offer"},
		hopNominated:      {"keeps-nominated", "forwards headers that Connection names"},
		hopH2C:            {"forwards-h2c", "forwards an offer of any protocol"},
		hopLosesTail:      {"loses-tail", "loses bytes in the segment of a 101"},
		hopLosesEarly:     {"loses-early", "loses bytes in the segment of an offer"},
		hopAbsolute:       {"follows-absolute-target", "connects to the server that an absolute target names"},
		hopConnects:       {"connects", "connects to the server that CONNECT names"},
		hopChangesMethod:  {"changes-method", "sends GET for POST with an offer"},
		hopInvents:        {"invents-101", "sends a 101 before the backend does"},
		hopLosesIdentity:  {"loses-identity", "removes its own headers where Connection names them"},
		hopTwoHosts:       {"two-hosts", "forwards two Hosts"},
		hopUnframed:       {"unframed-body", "forwards the body of an offer without its length"},
		hopReads101:       {"reads-length-in-101", "takes what follows a 101 with Content-Length for its content"},
		hopLosesInterim:   {"loses-101-after-interim", "takes an interim response for the final one"},
		hopTwin:           {"no-identity-on-upgrade", "does not say in an offer who the client is"},
		hopLeaks:          {"leaks-tunnels", "keeps the backend's connection when the client has closed a tunnel"},
		hopHangs:          {"hangs-after-tunnel", "keeps the client's connection when the backend has closed a tunnel"},
		hopStrips:         {"strips", "removes every offer"},
		hopReframes:       {"reframes", "is correct, and masks the frames of a client anew"},
		hopOwnH2C:         {"speaks-h2c", "is correct, and accepts h2c itself"},
		hopPassesConnect:  {"forwards-connect", "is correct, and has its backend reject CONNECT"},
		hopRewrites:       {"rewrites-targets", "is correct, and sends every request to /"},
	}
	return names[f][0], names[f][1]
}

// Hops returns the names of all hops, the sound one first.
func Hops() (names []string) {
	for f := range hopFaults {
		name, _ := f.name()
		names = append(names, name)
	}
	return names
}

// StartHop runs the hop with that name on a free port of 127.0.0.1, in front of the backend at that
// address. The caller closes it.
func StartHop(name, backend string) (*Hop, error) {
	var fault hopFault
	for fault = range hopFaults + 1 {
		if fault == hopFaults {
			return nil, fmt.Errorf("find hop %q: no hop has that name", name)
		}
		if own, _ := fault.name(); own == name {
			break
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &Hop{Addr: ln.Addr().String(), fault: fault, backend: backend, listener: newListener(ln), done: make(chan struct{}), all: map[*hopConn]struct{}{}}
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
			h.serve(&hopConn{Conn: conn, br: bufio.NewReader(conn)})
		})
	}
	h.serving.Wait()
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

// alive reads what has come without a request for it, and reports whether the backend has not closed.
func (b *hopConn) alive() bool {
	for {
		raw, err := b.Conn.(*net.TCPConn).SyscallConn()
		if err != nil {
			return false
		}
		var n int
		var waits error
		err = raw.Read(func(fd uintptr) bool {
			n, _, waits = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			return true
		})
		if err != nil || n <= 0 {
			return errors.Is(waits, syscall.EAGAIN)
		}
		if _, err := b.br.Peek(b.br.Buffered() + 1); err != nil {
			return false
		}
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
