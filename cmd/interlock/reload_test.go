package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

// lines collects the log lines of a command so that a test can wait for them.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	wake chan struct{}
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake != nil {
		close(l.wake)
		l.wake = nil
	}
	return l.text.Write(p)
}

// await waits for the n-th line with a message and returns it.
func (l *lines) await(t *testing.T, message string, n int) map[string]any {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		l.mu.Lock()
		if l.wake == nil {
			l.wake = make(chan struct{})
		}
		wake, text := l.wake, l.text.String()
		l.mu.Unlock()
		seen := 0
		for line := range strings.Lines(text) {
			var event map[string]any
			if json.Unmarshal([]byte(line), &event) == nil && event["message"] == message {
				if seen++; seen == n {
					return event
				}
			}
		}
		select {
		case <-wake:
		case <-deadline:
			t.Fatalf("no %q, %d times; there is\n%s", message, n, text)
		}
	}
}

// served is serve, running with a configuration file until the test ends.
type served struct {
	lines
	t     *testing.T
	file  string
	addr  string
	admin string
	end   func() // stops serve and waits; the test calls it at the latest when it ends
}

func serveFile(t *testing.T, text string) *served {
	t.Helper()
	s := &served{t: t, file: filepath.Join(t.TempDir(), "interlock.yaml")}
	s.write(text)
	load := func() (config.Config, error) {
		c, o := config.Defaults(), &config.Origin{Given: map[string]string{}}
		if err := o.Read(s.file, &c); err != nil {
			return c, err
		}
		return c, c.Check(o)
	}
	c, err := load()
	if err != nil {
		t.Fatal(err)
	}
	out := terminal.NewOutput(&s.lines, "json", true)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, c, out, load) }()
	s.end = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		out.Close()
	})
	t.Cleanup(s.end)
	event := s.await(t, "listening", 1)
	s.addr, s.admin = event["listen"].(string), event["admin"].(string)
	return s
}

// write replaces the configuration atomically.
func (s *served) write(text string) {
	s.t.Helper()
	if !strings.Contains(text, "store:") {
		text = "store: memory\n" + text
	}
	if !strings.Contains(text, "admin:") {
		text = "admin: 127.0.0.1:0\n" + text
	}
	text = "listen: 127.0.0.1:0\nlog: json\n" + text
	if err := os.WriteFile(s.file+".new", []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(s.file+".new", s.file); err != nil {
		s.t.Fatal(err)
	}
}

// reload requests a reload at the admin address.
func (s *served) reload() (int, string) {
	s.t.Helper()
	p, err := http.Post("http://"+s.admin+"/api/v1/reload", "application/json", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer p.Body.Close()
	text, _ := io.ReadAll(p.Body)
	http.DefaultClient.CloseIdleConnections()
	return p.StatusCode, string(text)
}

const soundRequest = "GET /chat HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// open opens a tunnel for a host, or returns the status of the response if it is not a 101.
func (s *served) open(host string) (net.Conn, *bufio.Reader, int) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(conn, soundRequest, host)
	r := bufio.NewReader(conn)
	p, err := http.ReadResponse(r, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return conn, r, p.StatusCode
}

// request sends a request and reads only the status line of the response.
func (s *served) request(text string) net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(conn, text)
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// echoes returns nil if a tunnel still works: a masked text comes back unmasked.
func echoes(conn net.Conn, r *bufio.Reader) error {
	if _, err := conn.Write([]byte("\x81\x82\x00\x00\x00\x00hi")); err != nil {
		return err
	}
	var got [4]byte
	if _, err := io.ReadFull(r, got[:]); err != nil || string(got[:]) != "\x81\x02hi" {
		return fmt.Errorf("got %q, %w", got, err)
	}
	return nil
}

// TestReloadUnderLoad reloads twenty times, five of them with an invalid configuration, while 500
// tunnels are open and requests are made. No tunnel is dropped and no request fails.
func TestReloadUnderLoad(t *testing.T) {
	backend, err := lab.Start("gorilla")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	s := serveFile(t, "backend: "+backend.URL+"\n")
	type tunnel struct {
		net.Conn
		r *bufio.Reader
	}
	var tunnels []tunnel
	for range 500 {
		conn, r, status := s.open("a.test")
		if status != 101 {
			t.Fatalf("got %d", status)
		}
		defer conn.Close()
		tunnels = append(tunnels, tunnel{conn, r})
	}
	ctx, stop := context.WithCancel(context.Background())
	var asking sync.WaitGroup
	failed, asked := make(chan error, 1), make(chan struct{}) // a receive from asked triggers one more request
	asking.Go(func() {
		every := time.NewTicker(20 * time.Millisecond)
		defer every.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case asked <- struct{}{}: // at least one request is made during each reload
			case <-every.C:
			}
			conn, r, status := s.open("a.test")
			if status != 101 || echoes(conn, r) != nil {
				select {
				case failed <- fmt.Errorf("a request got %d", status):
				default:
				}
			}
			conn.Close()
		}
	})
	for i := range 20 {
		<-asked
		if i%4 == 3 {
			s.write("backend: " + backend.URL + "\nguard: perhaps\n")
			if status, text := s.reload(); status != 422 || !strings.Contains(text, "interlock.yaml:6:8: guard") {
				t.Errorf("a wrong configuration: %d %s", status, text)
			}
			continue
		}
		guard := []string{"off", "unsafe"}[i%2]
		s.write("backend: " + backend.URL + "\nguard: " + guard + "\nroutes:\n  - {name: b, hosts: [b.test], backend: \"" + backend.URL + "\"}\n")
		if status, text := s.reload(); status != 200 {
			t.Errorf("reload %d: %d %s", i, status, text)
		}
	}
	stop()
	asking.Wait()
	select {
	case err := <-failed:
		t.Error(err)
	default:
	}
	for i, each := range tunnels {
		if err := echoes(each, each.r); err != nil {
			t.Fatalf("tunnel %d: %v", i, err)
		}
	}
}

// TestRoutesAreChosenAndChanged checks that each host reaches its backend, that unknown hosts get a
// 421 if that is configured, that a changed file takes effect by itself, and that changes which
// need a restart are reported.
func TestRoutesAreChosenAndChanged(t *testing.T) {
	sound, err := lab.Start("gorilla")
	if err != nil {
		t.Fatal(err)
	}
	defer sound.Close()
	missing, err := lab.Start("wrong-accept")
	if err != nil {
		t.Fatal(err)
	}
	defer missing.Close()
	const routes = "backend: %s\nunrouted: %s\nroutes:\n  - {name: chat, hosts: [\"*.chat.test\"], backend: \"%s\"}\n"
	s := serveFile(t, fmt.Sprintf(routes, missing.URL, "refuse", sound.URL))
	for host, want := range map[string]int{"a.chat.test": 101, "A.CHAT.TEST:8426": 101, "chat.test": 421, "elsewhere.test": 421} {
		conn, r, status := s.open(host)
		if status != want {
			t.Errorf("%s: got %d, want %d", host, status, want)
		}
		if status == 101 {
			if err := echoes(conn, r); err != nil {
				t.Errorf("%s: %v", host, err)
			}
		}
		conn.Close()
	}
	s.write(fmt.Sprintf(routes, sound.URL, "default", missing.URL))
	if event := s.await(t, "configuration reloaded", 1); fmt.Sprint(event["changed"]) != "[backend routes unrouted]" {
		t.Errorf("changed: %v", event["changed"])
	}
	conn, r, status := s.open("elsewhere.test")
	if status != 101 || echoes(conn, r) != nil {
		t.Errorf("the default route: %d", status)
	}
	conn.Close()
	s.write("backend: " + sound.URL + "\ninstance: other\n")
	if event := s.await(t, "configuration not reloaded", 1); !strings.Contains(fmt.Sprint(event["error"]), "instance cannot change") {
		t.Errorf("got %v", event)
	}
}
