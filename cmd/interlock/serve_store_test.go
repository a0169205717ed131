package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/internal/terminal"
)

// TestAStoreThatIsDeletedIsNoticed checks that serve reports a deleted store, is not ready until
// there is a new one, and counts the losses.
func TestAStoreThatIsDeletedIsNoticed(t *testing.T) {
	backend, err := lab.Start("any-method")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	file := filepath.Join(t.TempDir(), "interlock.db")
	s := serveFile(t, "backend: "+backend.URL+"\nstore: "+file+"\n")
	s.request(strings.Replace(strings.ReplaceAll(soundRequest, "%s", "a.test"), "GET", "POST", 1)).Close()
	if e := s.await(t, "unsafe switch", 1); e["stored"] != true {
		t.Fatalf("got %v", e)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	// The end of the tunnel is written within moments, which creates a new store. If that happens
	// first, the status is 200.
	if status, text := s.ready(t); status != 200 && (status != 503 || !strings.Contains(text, "deleted or replaced")) {
		t.Errorf("when the file is gone: %d %s", status, text)
	}
	if e := s.await(t, "store was lost and made anew", 1); e["exchanges"].(float64) < 1 || e["findings"].(float64) < 1 { // 2 if the end of the exchange had been written, too
		t.Errorf("got %v", e)
	}
	if status, text := s.ready(t); status != 200 {
		t.Errorf("when there is a new one: %d %s", status, text)
	}
	s.request(strings.Replace(strings.ReplaceAll(soundRequest, "%s", "a.test"), "GET", "POST", 1)).Close()
	if e := s.await(t, "unsafe switch", 2); e["stored"] != true {
		t.Errorf("got %v", e)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
}

// TestWhatIsNotStoredIsAnExitStatus checks that serve and probe do not exit with 0 if findings
// could not be stored.
func TestWhatIsNotStoredIsAnExitStatus(t *testing.T) {
	backend, err := lab.Start("any-method")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	c := config.Defaults()
	file := filepath.Join(t.TempDir(), "interlock.db")
	c.Backend, c.Listen, c.Admin.Listen, c.Store = backend.URL, "127.0.0.1:0", "127.0.0.1:0", file
	if err := c.Check(&config.Origin{}); err != nil {
		t.Fatal(err)
	}
	s := &served{t: t}
	out := terminal.NewOutput(&s.lines, "json", true)
	defer out.Close()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, c, out, nil) }()
	s.addr = s.await(t, "listening", 1)["listen"].(string)
	if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o700)); err != nil { // the directory keeps the file from being created again
		t.Fatal(err)
	}
	s.request(strings.Replace(strings.ReplaceAll(soundRequest, "%s", "a.test"), "GET", "POST", 1)).Close()
	if e := s.await(t, "unsafe switch", 1); e["stored"] != false {
		t.Errorf("got %v", e)
	}
	stop()
	var status exit.Error
	if err := <-ended; !errors.As(err, &status) || status.Status != exit.StatusUnknown || !strings.Contains(err.Error(), "were not stored") {
		t.Errorf("serve ended with %v", err)
	}
}

// ready returns the response of /readyz.
func (s *served) ready(t *testing.T) (int, string) {
	t.Helper()
	transport := &http.Transport{DialContext: (&net.Dialer{Timeout: time.Minute}).DialContext}
	defer transport.CloseIdleConnections()
	p, err := (&http.Client{Transport: transport}).Get("http://" + s.admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Body.Close()
	text, err := io.ReadAll(p.Body)
	if err != nil {
		t.Error(err)
	}
	return p.StatusCode, string(text)
}
