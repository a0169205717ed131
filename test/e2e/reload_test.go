//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
)

// reloads is the number of reloads; every fourth configuration is invalid.
const reloads = 20

// reloaded is an interlock serve whose configuration file changes.
type reloaded struct {
	*process
	config, backend string
}

// write replaces the configuration atomically. The route's name identifies the version.
func (r *reloaded) write(i int) {
	r.t.Helper()
	guard := []string{"off", "unsafe"}[i%2]
	if wrong(i) {
		guard = "perhaps"
	}
	text := fmt.Sprintf("guard: %s\nroutes:\n  - {name: r%d, hosts: [reload.test], backend: \"http://%s\"}\n", guard, i, r.backend)
	next := filepath.Join(filepath.Dir(r.config), "next.yaml")
	if err := errors.Join(os.WriteFile(next, []byte(text), 0o600), os.Rename(next, r.config)); err != nil {
		r.t.Fatal(err)
	}
}

func wrong(i int) bool { return i%4 == 2 }

// said returns the number of log lines with a message. The caller holds the lock of the journal.
func (r *reloaded) said(message string) int {
	n := 0
	for _, l := range r.lines {
		if l.Message == message {
			n++
		}
	}
	return n
}

// reload changes the configuration and waits until it is in effect. It requests the reload by a
// signal, at the admin address, or not at all.
func (r *reloaded) reload(i int) {
	r.t.Helper()
	message := "configuration reloaded"
	if wrong(i) {
		message = "configuration not reloaded"
	}
	r.mu.Lock()
	before := r.said(message)
	r.mu.Unlock()
	r.write(i)
	switch i % 3 {
	case 1:
		if err := r.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			r.t.Fatal(err)
		}
	case 2:
		p, err := client(r.t).Post("http://"+r.admin+"/api/v1/reload", "application/json", nil)
		if err != nil {
			r.t.Fatal(err)
		}
		p.Body.Close()
		if ok := p.StatusCode == http.StatusOK; ok == wrong(i) {
			r.t.Errorf("reload %d: got status %d", i, p.StatusCode)
		}
	}
	r.await(r.t, message, func(line) bool { return r.said(message) > before })
}

// ask makes an ordinary request, and opens a tunnel that echoes.
func (r *reloaded) ask(through *http.Client) error {
	p, err := through.Get(r.url("/api/items"))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(p.Body)
	p.Body.Close()
	if err != nil || string(text) != items {
		return fmt.Errorf("got %q, %w", text, err)
	}
	conn, err := r.tunnel("reload.test")
	if err != nil {
		return err
	}
	defer conn.Close()
	return echoOn(conn)
}

func (r *reloaded) tunnel(host string) (*gorilla.Conn, error) {
	conn, response, err := gorilla.DefaultDialer.Dial("ws://"+r.listen+"/echo", http.Header{"Host": {host}})
	if err == nil {
		response.Body.Close()
	}
	return conn, err
}

func echoOn(conn *gorilla.Conn) error {
	conn.SetReadDeadline(time.Now().Add(patience))
	if err := conn.WriteMessage(gorilla.TextMessage, []byte("still here")); err != nil {
		return err
	}
	_, echo, err := conn.ReadMessage()
	if err == nil && string(echo) != "still here" {
		err = fmt.Errorf("got %q", echo)
	}
	return err
}

// TestReloadsUnderLoad changes the configuration twenty times while 500 tunnels are open and 50
// requests and 50 handshakes per second are made. The reloads are triggered by a signal, at the
// admin address, and by the file alone. No tunnel is dropped and no request fails.
func TestReloadsUnderLoad(t *testing.T) {
	backend := labServer(t, "gorilla")
	config := file(t, "interlock.yaml", []byte("guard: \"off\"\n"))
	r := &reloaded{serve(t, backend, "--config", config), config, backend}
	var tunnels []*gorilla.Conn
	for range 500 {
		conn, err := r.tunnel("any.test")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		tunnels = append(tunnels, conn)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	through := client(t)
	var asking sync.WaitGroup
	var asked atomic.Int64
	asking.Go(func() {
		every := time.NewTicker(20 * time.Millisecond)
		defer every.Stop()
		for ctx.Err() == nil {
			if err := r.ask(through); err != nil {
				t.Errorf("request %d: %v", asked.Load(), err)
			}
			asked.Add(1)
			<-every.C
		}
	})
	for i := range reloads {
		r.reload(i)
	}
	stop()
	asking.Wait()
	if asked.Load() < reloads {
		t.Errorf("only %d requests were made", asked.Load())
	}
	for i, conn := range tunnels {
		if err := echoOn(conn); err != nil {
			t.Fatalf("tunnel %d: %v", i, err)
		}
	}
	if l := r.message(t, "configuration not reloaded"); !strings.Contains(l.text, "interlock.yaml:1:8: guard") {
		t.Errorf("got %s, want where it is wrong", l.text)
	}
	if err := r.ask(through); err != nil {
		t.Error(err)
	}
	last := fmt.Sprintf(`"route":"r%d"`, reloads-1)
	r.await(t, last, func(l line) bool { return l.Message == "exchange" && strings.Contains(l.text, last) })
}
