package proxy

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/wire"
)

// piped is a listener that accepts one end of each net.Pipe.
type piped struct {
	pipes chan net.Conn // capacity 0: a dialler waits until its connection is accepted
	over  context.Context
	end   context.CancelFunc
}

func newPiped() *piped {
	p := &piped{pipes: make(chan net.Conn)}
	p.over, p.end = context.WithCancel(context.Background())
	return p
}

func (p *piped) dial() (net.Conn, error) {
	near, far := net.Pipe()
	p.pipes <- far
	return near, nil
}

func (p *piped) Accept() (net.Conn, error) {
	select {
	case c := <-p.pipes:
		return c, nil
	case <-p.over.Done():
		return nil, net.ErrClosed
	}
}

func (p *piped) Close() error   { p.end(); return nil }
func (p *piped) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// embedding is a listener whose connections embed the system's and override Read.
type embedding struct {
	net.Listener
	reads *atomic.Int64
}

type counted struct {
	*net.TCPConn
	reads *atomic.Int64
}

func (e embedding) Accept() (net.Conn, error) {
	c, err := e.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return counted{c.(*net.TCPConn), e.reads}, nil
}

func (c counted) Read(p []byte) (int, error) {
	c.reads.Add(1)
	return c.TCPConn.Read(p)
}

// TestAnyListenerIsServed checks that a relay works with listeners other than TCP: exchanges,
// tunnels, a close by either side, and the end of the relay.
func TestAnyListenerIsServed(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) (net.Listener, func() (net.Conn, error)){
		"pipe": func(*testing.T) (net.Listener, func() (net.Conn, error)) {
			p := newPiped()
			return p, p.dial
		},
		"unix": func(t *testing.T) (net.Listener, func() (net.Conn, error)) {
			path := filepath.Join(t.TempDir(), "s")
			ln, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			return ln, func() (net.Conn, error) { return net.Dial("unix", path) }
		},
		"embedding": func(t *testing.T) (net.Listener, func() (net.Conn, error)) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			e := embedding{ln, new(atomic.Int64)}
			t.Cleanup(func() {
				if e.reads.Load() == 0 {
					t.Error("the connection's own Read was passed by")
				}
			})
			return e, func() (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }
		},
	} {
		for kind, guard := range map[string]func(*wire.Exchange) error{"open": nil, "guarded": func(*wire.Exchange) error { return nil }} {
			t.Run(name+", "+kind, func(t *testing.T) {
				ln, dial := open(t)
				serveAny(t, ln, dial, guard)
			})
		}
	}
}

func serveAny(t *testing.T, ln net.Listener, dial func() (net.Conn, error), guard func(*wire.Exchange) error) {
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	r := &relayed{t: t, backend: backend, served: make(chan error, 1)}
	to := To(backend.Addr().String())
	to.Guard = guard
	r.Relay = &Relay{Backend: to, Observe: r.observe, Log: zerolog.Nop()}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() { r.served <- r.Serve(ctx, ln) }()
	defer r.end()
	arrive := func(head string) (client, server net.Conn) {
		client, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		client.SetDeadline(time.Now().Add(patience))
		t.Cleanup(func() { client.Close() })
		send(t, client, head)
		server = r.accept()
		expect(t, server, head)
		return client, server
	}

	client, server := arrive(plain)
	send(t, server, answer)
	expect(t, client, answer)
	client.Close()
	expectEnd(t, server, "")

	client, server = arrive(plain)
	send(t, server, answer)
	server.Close()
	expectEnd(t, client, answer)
	client.Close()

	client, server = arrive(handshake)
	send(t, server, switching+"\x81\x02hi")
	expect(t, client, switching+"\x81\x02hi")
	const much = 1 << 20
	sent := make(chan error, 1)
	go func() {
		_, err := client.Write(make([]byte, much))
		sent <- err
	}()
	if n, err := io.CopyN(io.Discard, server, much); err != nil {
		t.Fatalf("%d bytes came, %v", n, err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	send(t, server, "bye")
	server.Close()
	expectEnd(t, client, "bye")
	client.Close()
	r.await("the end of the tunnel", func(found []*wire.Exchange) bool {
		return len(found) == 1 && found[0].Final && found[0].Outcome == wire.Switched && found[0].After.ClientBytes == much
	})

	client, server = arrive("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	send(t, server, answer)
	expect(t, client, answer) // the connection is idle, so stopping the relay ends it
	r.stop()
	expectEnd(t, client, "")
	client.Close()
}
