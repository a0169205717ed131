//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// A traffic is one kind of operation that clients repeat at a rate. If all clients are busy when one is due, it is
// skipped.
type traffic struct {
	Name    string  `json:"name"`
	Done    int     `json:"done"`
	Failed  int     `json:"failed"`
	First   string  `json:"first_failure,omitempty"`
	Skipped int     `json:"skipped"`
	Longest float64 `json:"longest_ms"`

	every   time.Duration
	clients []soakClient
	mu      sync.Mutex
}

// A soakClient does one operation after the other.
type soakClient interface {
	do() error
	close()
}

// soakPatience is how long an operation may take.
const soakPatience = 10 * time.Second

func (t *traffic) run(ctx context.Context) {
	due := make(chan struct{}) // unbuffered, so that only a free client takes one
	var running sync.WaitGroup
	for _, c := range t.clients {
		running.Go(func() {
			defer c.close()
			for range due {
				t.count(c)
			}
		})
	}
	every := time.NewTicker(t.every)
	defer every.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-every.C:
			select {
			case due <- struct{}{}:
			default:
				t.Skipped++
			}
		}
	}
	close(due)
	running.Wait()
}

func (t *traffic) count(c soakClient) {
	began := time.Now()
	err := c.do()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		if t.Failed++; t.Failed == 1 {
			t.First = err.Error()
		}
		return
	}
	t.Done++
	t.Longest = max(t.Longest, time.Since(began).Seconds()*1000)
}

// trafficOf is all traffic, by those that it goes through.
func trafficOf(plain, secure *soaked, backend string, rate float64) []*traffic {
	config := &tls.Config{InsecureSkipVerify: true, ServerName: "bench.test", ClientSessionCache: tls.NewLRUClientSessionCache(64)}
	open := func(f func() error) func() soakClient { return func() soakClient { return once(f) } }
	var all []*traffic
	for _, each := range []struct {
		name      string
		perSecond float64
		clients   int
		client    func() soakClient
	}{
		{"keep-alive GET", 60, 8, func() soakClient { return &asker{target: plain.target} }},
		{"handshake and echo", 40, 8, open(func() error { return echoOnce(plain.target) })},
		{"echo in an open tunnel", 60, 20, func() soakClient { return &teller{asker: asker{target: plain.target}} }},
		{"unsafe handshake", 1, 2, open(func() error { return unsafeOnce(dialPlain(plain.target), true) })},
		{"handshake, TLS and guard", 15, 8, open(func() error { _, err := tlsHandshake(secure.target, config); return err })},
		{"unsafe handshake, TLS and guard", 1, 2, open(func() error { return unsafeOnce(dialTLS(secure.target, config), false) })},
		{"GET by the forward proxy", 15, 8, open(func() error { return forwardOnce(plain.forward, backend) })},
		{"handshake in a CONNECT tunnel", 10, 8, open(func() error { return connectOnce(plain.forward, backend) })},
	} {
		t := &traffic{Name: each.name, every: time.Duration(float64(time.Second) / each.perSecond / rate)}
		for range each.clients {
			t.clients = append(t.clients, each.client())
		}
		all = append(all, t)
	}
	return all
}

// once is a client that keeps nothing.
type once func() error

func (f once) do() error { return f() }
func (f once) close()    {}

// An asker sends GETs on one connection.
type asker struct {
	target string
	conn   net.Conn
}

func (a *asker) do() (err error) {
	if a.conn == nil {
		if a.conn, err = dialPlain(a.target)(); err != nil {
			return err
		}
	}
	if err = get(a.conn, "/hello", "bench.test"); err != nil {
		a.close()
	}
	return err
}

func (a *asker) close() {
	if a.conn != nil {
		a.conn.Close()
		a.conn = nil
	}
}

// A teller has frames echoed in a tunnel, and opens another one after tellerFrames of them.
type teller struct {
	asker // its connection is the tunnel
	sent  int
}

const tellerFrames = 50

func (c *teller) do() (err error) {
	if c.sent++; c.sent%tellerFrames == 0 {
		c.close()
	}
	if c.conn == nil {
		if c.conn, err = dialPlain(c.target)(); err == nil {
			err = upgrade(c.conn, "/echo")
		}
	}
	if err == nil {
		err = echo(c.conn)
	}
	if err != nil {
		c.close()
	}
	return err
}

type dialing func() (net.Conn, error)

func dialPlain(target string) dialing {
	return func() (net.Conn, error) { return net.DialTimeout("tcp", target, soakPatience) }
}

func dialTLS(target string, config *tls.Config) dialing {
	return func() (net.Conn, error) {
		return tls.DialWithDialer(&net.Dialer{Timeout: soakPatience}, "tcp", target, config)
	}
}

// converse sends text and returns the head of the response.
func converse(conn net.Conn, text string) ([]byte, error) {
	if err := conn.SetDeadline(time.Now().Add(soakPatience)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return nil, err
	}
	return readHead(conn)
}

func offer(target, key string, connection string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: interlock-bench\r\nUpgrade: websocket\r\n" + connection +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + "\r\n\r\n"
}

// upgrade opens a tunnel on a connection.
func upgrade(conn net.Conn, target string) error {
	key := newKey()
	head, err := converse(conn, offer(target, key, "Connection: Upgrade\r\n"))
	if err != nil {
		return fmt.Errorf("wait for a 101: %w", err)
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) || string(field(head, "Sec-WebSocket-Accept")) != accept([]byte(key)) {
		return fmt.Errorf("want a 101, got %q", head)
	}
	return nil
}

// echo has one frame echoed.
func echo(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(soakPatience)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, echoed); err != nil {
		return err
	}
	want := unmasked([]byte(echoed))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil {
		return fmt.Errorf("wait for an echo: %w", err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("want %q back, got %q", want, got)
	}
	return nil
}

// echoOnce opens a tunnel, has one frame echoed and closes it.
func echoOnce(target string) error {
	conn, err := dialPlain(target)()
	if err != nil {
		return err
	}
	defer conn.Close()
	return errors.Join(upgrade(conn, "/echo"), echo(conn))
}

// get sends a GET and reads a response with the origin's body.
func get(conn net.Conn, target, host string) error {
	in, err := converse(conn, "GET "+target+" HTTP/1.1\r\nHost: "+host+"\r\nUser-Agent: interlock-bench\r\n\r\n")
	if err != nil {
		return fmt.Errorf("wait for a response: %w", err)
	}
	end := headEnd(in)
	rest := make([]byte, max(0, len(originBody)-(len(in)-end)))
	if _, err := io.ReadFull(conn, rest); err != nil {
		return fmt.Errorf("read a body: %w", err)
	}
	if !bytes.HasPrefix(in, []byte("HTTP/1.1 200 ")) || string(in[end:])+string(rest) != originBody {
		return fmt.Errorf("want a 200 with %q, got %q", originBody, in)
	}
	return nil
}

// unsafeOnce offers an upgrade without Connection: Upgrade, which the origin accepts. A guard rejects it.
func unsafeOnce(dial dialing, accepted bool) error {
	conn, err := dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	head, err := converse(conn, offer("/echo", newKey(), ""))
	if err != nil {
		return fmt.Errorf("wait for a response: %w", err)
	}
	if bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) != accepted {
		return fmt.Errorf("want a 101: %v, got %q", accepted, head)
	}
	return nil
}

// forwardOnce sends a GET through a forward proxy.
func forwardOnce(proxy, backend string) error {
	conn, err := dialPlain(proxy)()
	if err != nil {
		return err
	}
	defer conn.Close()
	return get(conn, "http://"+backend+"/hello", backend)
}

// connectOnce opens a tunnel to the backend through a forward proxy, and a WebSocket inside of it.
func connectOnce(proxy, backend string) error {
	conn, err := dialPlain(proxy)()
	if err != nil {
		return err
	}
	defer conn.Close()
	head, err := converse(conn, "CONNECT "+backend+" HTTP/1.1\r\nHost: "+backend+"\r\n\r\n")
	if err != nil {
		return fmt.Errorf("wait for the proxy: %w", err)
	}
	if line, _, _ := strings.Cut(string(head), "\r\n"); !strings.HasPrefix(line, "HTTP/1.1 200") {
		return fmt.Errorf("want a 200 for CONNECT, got %q", head)
	}
	return errors.Join(upgrade(conn, "/echo"), echo(conn))
}
