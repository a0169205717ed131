package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
	"github.com/interlock-proxy/interlock/wire"
)

func TestMain(m *testing.M) {
	if os.Getenv(crowded) != "" {
		if err := crowd(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for an event. No test draws a conclusion from how long it took.
const patience = time.Minute

// journal keeps the exchanges that a relay reports.
type journal struct {
	mu    sync.Mutex
	order []string
	last  map[string]*wire.Exchange
	wake  chan struct{} // closed and replaced at each report
}

func (j *journal) observe(x *wire.Exchange) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.last == nil {
		j.last, j.wake = map[string]*wire.Exchange{}, make(chan struct{})
	}
	if j.last[x.ID] == nil {
		j.order = append(j.order, x.ID)
	}
	j.last[x.ID] = x
	close(j.wake)
	j.wake = make(chan struct{})
}

func (j *journal) all() []*wire.Exchange {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []*wire.Exchange
	for _, id := range j.order {
		found = append(found, j.last[id])
	}
	return found
}

// relayed is a relay in front of a listener on which the test acts as the backend.
type relayed struct {
	*Relay
	journal
	t       testing.TB
	backend net.Listener
	addr    string
	stop    context.CancelFunc
	forward func() // stops the forward listener; nil if there is none
	served  chan error
}

// relay starts a relay that ends with the test; change may set fields before.
func relay(t testing.TB, change func(*Relay), via ...func(*Listener)) *relayed {
	t.Helper()
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relayed{t: t, backend: backend, addr: ln.Addr().String(), served: make(chan error, 1)}
	r.Relay = &Relay{Backend: To(backend.Addr().String()), Observe: r.observe, Log: zerolog.Nop()}
	if change != nil {
		change(r.Relay)
	}
	r.start()
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	listener := Listener{Listener: ln}
	for _, set := range via {
		set(&listener)
	}
	go func() { r.served <- r.ServeListener(ctx, listener) }()
	t.Cleanup(func() {
		backend.Close()
		r.end()
	})
	return r
}

// down returns a backend that is down. Its port is reserved: that of a listener which was closed may
// be taken by the server of another test, which then gets what was sent here.
func down(t testing.TB) *Backend {
	t.Helper()
	free, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	return To(free[0])
}

// end stops the relay and waits for it.
func (r *relayed) end() {
	if r.forward != nil {
		r.forward()
	}
	r.stop()
	select {
	case err := <-r.served:
		if err != nil {
			r.t.Errorf("serve: %v", err)
		}
		r.served <- nil
	case <-time.After(patience):
		r.t.Fatal("the relay does not end")
	}
	if n := r.Open(); n != 0 {
		r.t.Errorf("%d connections are open after the end", n)
	}
}

func (r *relayed) dial() *net.TCPConn { return dial(r.t, r.addr) }

func dial(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// accept returns the next connection.
func (r *relayed) accept() *net.TCPConn {
	r.t.Helper()
	r.backend.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := r.backend.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	r.t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

func send(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

// saying writes text on another goroutine, and sends the error when it is done.
func saying(conn net.Conn, text string) chan error {
	done := make(chan error, 1)
	go func() {
		_, err := io.WriteString(conn, text)
		done <- err
	}()
	return done
}

// expect reads exactly the text want.
func expect(t testing.TB, conn net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Fatalf("got %q (%v), want %q", got[:n], err, want)
	}
}

// expectEnd reads the text want, then EOF.
func expectEnd(t testing.TB, conn net.Conn, want string) {
	t.Helper()
	if got, err := io.ReadAll(conn); err != nil || string(got) != want {
		t.Fatalf("got %q (%v), want %q and the end", got, err, want)
	}
}

const (
	handshake = "GET /chat HTTP/1.1\r\nHost: staging.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	plain  = "GET /items HTTP/1.1\r\nHost: staging.test\r\n\r\n"
	answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
)

// connected opens a connection through the relay and makes one exchange, so that both sides are
// connected.
func (r *relayed) connected() (client, backend *net.TCPConn) {
	r.t.Helper()
	client = r.dial()
	send(r.t, client, plain)
	backend = r.accept()
	expect(r.t, backend, plain)
	send(r.t, backend, answer)
	expect(r.t, client, answer)
	return client, backend
}

// switchedOver opens a tunnel.
func (r *relayed) switchedOver() (client, backend *net.TCPConn) {
	r.t.Helper()
	client = r.dial()
	send(r.t, client, handshake)
	backend = r.accept()
	expect(r.t, backend, handshake)
	send(r.t, backend, switching)
	expect(r.t, client, switching)
	return client, backend
}

// await waits until the reports satisfy done.
func (r *relayed) await(what string, done func([]*wire.Exchange) bool) []*wire.Exchange {
	r.t.Helper()
	deadline := time.After(patience)
	for {
		r.journal.mu.Lock()
		if r.wake == nil {
			r.last, r.wake = map[string]*wire.Exchange{}, make(chan struct{})
		}
		wake := r.wake
		r.journal.mu.Unlock()
		if found := r.all(); done(found) {
			return found
		}
		select {
		case <-wake:
		case <-deadline:
			r.t.Fatalf("no report: %s; got %d", what, len(r.all()))
		}
	}
}

// within waits until is returns true. If that takes too long, the test ends with the text of
// failed.
func within(t testing.TB, is func() bool, failed func() string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !is(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal(failed())
		}
	}
}
