package probe

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for an event. No test draws a conclusion from how long it took.
const patience = time.Minute

const (
	refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	busy    = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	replies = "\x8a\x02ok\x81\x02hi"
)

// A backend is a listener on which the test answers connections, one after the other or
// concurrently.
type backend struct {
	net.Listener
	t       testing.TB
	mu      sync.Mutex
	n       int
	open    map[*guest]bool
	serving sync.WaitGroup
}

// guest is one connection at the backend.
type guest struct {
	*net.TCPConn
	br    *bufio.Reader
	n     int    // number of the connection, from 1
	head  string // of the request
	sizes []int  // of the reads
}

func (c *guest) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.sizes = append(c.sizes, n)
	return n, err
}

// serve starts a backend. The backend and its connections end with the test.
func serve(t testing.TB, answer func(c *guest)) *backend {
	t.Helper()
	return serveAt(t, "127.0.0.1:0", answer)
}

func serveAt(t testing.TB, address string, answer func(c *guest)) *backend {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{Listener: ln, t: t, open: map[*guest]bool{}}
	b.serving.Go(func() { b.accept(answer) })
	t.Cleanup(func() {
		b.stop()
		b.serving.Wait()
	})
	return b
}

func (b *backend) accept(answer func(c *guest)) { b.acceptOn(b.Listener, answer) }

func (b *backend) acceptOn(ln net.Listener, answer func(c *guest)) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		conn.SetDeadline(time.Now().Add(patience))
		b.mu.Lock()
		b.n++
		c := &guest{TCPConn: conn.(*net.TCPConn), n: b.n}
		c.br = bufio.NewReader(c)
		b.open[c] = true
		b.mu.Unlock()
		b.serving.Go(func() {
			defer b.gone(c)
			for !strings.HasSuffix(c.head, "\r\n\r\n") {
				line, err := c.br.ReadString('\n')
				if c.head += line; err != nil {
					return
				}
			}
			answer(c)
		})
	}
}

func (b *backend) gone(c *guest) {
	c.Close()
	b.mu.Lock()
	delete(b.open, c)
	b.mu.Unlock()
}

// stop ends the backend as a crash does.
func (b *backend) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Listener.Close()
	for c := range b.open {
		c.SetLinger(0)
		c.Close()
	}
}

func (b *backend) target() Target {
	addr := b.Addr().String()
	return Target{Address: addr, Base: rules.NewHandshake("http", addr, "/chat", "")}
}

func (c *guest) send(text string) { _, _ = io.WriteString(c, text) }

// sound reports whether the request is the plain handshake. The probes of these tests do not change
// method, version or target.
func (c *guest) sound() bool {
	return strings.HasPrefix(c.head, "GET /chat HTTP/1.1\r\n") && !strings.Contains(c.head, "X-Fault") && strings.Contains(c.head, "Upgrade: ")
}

// switching returns the 101 that accepts the handshake with that head (RFC 6455 §4.2.2).
func switching(head string) string {
	_, key, _ := strings.Cut(head, "Sec-WebSocket-Key: ")
	key, _, _ = strings.Cut(key, "\r\n")
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
}

// switches accepts a handshake, answers the frames that verify the switch, and closes on a close
// frame.
func (c *guest) switches() {
	c.send(switching(c.head))
	if first, err := c.br.Peek(1); err == nil && first[0] == rules.Ping[0] {
		_, _ = c.br.Discard(len(rules.Ping + rules.Text))
		c.send(replies)
	}
	_, _ = c.br.Discard(len(closeFrame))
}

// flaw returns a probe whose ID appears in its handshake.
func flaw(id string) *rules.Probe {
	return &rules.Probe{ID: id, Edit: rules.Set("X-Fault", id)}
}

func flaws(ids ...string) (probes []*rules.Probe) {
	for _, id := range ids {
		probes = append(probes, flaw(id))
	}
	return probes
}

func (c *guest) has(id string) bool { return strings.Contains(c.head, "X-Fault: "+id+"\r\n") }

// A log records the results of a run, in order.
type log struct {
	order []string
	by    map[string]*wire.Exchange
}

// probed runs probes, and checks that each has exactly one final exchange.
func probed(ctx context.Context, t testing.TB, target Target, s Settings, probes []*rules.Probe) (log, Report, error) {
	t.Helper()
	l := log{by: map[string]*wire.Exchange{}}
	last, met := Progress{}, 0
	report, err := Run(ctx, target, s, probes, func(x *wire.Exchange) {
		if l.by[x.Probe] != nil {
			t.Errorf("%s was observed twice", x.Probe)
		}
		if !x.Final || !x.Complete || x.Origin != wire.OriginProbe || x.ID == "" || x.Aim != target.Base.Path {
			t.Errorf("%s: final %t, complete %t, origin %s, ID %q, aim %q", x.Probe, x.Final, x.Complete, x.Origin, x.ID, x.Aim)
		}
		l.by[x.Probe] = x
		l.order = append(l.order, x.Probe)
	}, func(p Progress) {
		last = p
		if p.Controls != nil {
			if met++; len(l.order) > 0 {
				t.Error("the results of the controls are reported after a probe")
			}
		}
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		return l, report, err
	}
	for _, n := range report.NotSent {
		if l.by[n.Probe.ID] != nil || n.Reason == "" {
			t.Errorf("%s was observed and not sent, because of %q", n.Probe.ID, n.Reason)
		}
	}
	if got, want := len(l.order)+len(report.NotSent), len(Possible(Speaking(probes, s.HTTP, target.TLS != nil), len(target.Identities))); got != want {
		t.Errorf("%d probes are accounted for, want %d", got, want)
	}
	if err == nil && met != 1 {
		t.Errorf("what the controls got is told %d times", met)
	}
	if last.Done != len(l.order) {
		t.Errorf("the last progress is %+v, want %d done", last, len(l.order))
	}
	return l, report, err
}
