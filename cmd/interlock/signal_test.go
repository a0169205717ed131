package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/exit"
	"github.com/interlock-proxy/interlock/internal/lab"
	"github.com/interlock-proxy/interlock/rules"
)

// TestASignalStopsTheRun checks that the reports of probe are still written.
func TestASignalStopsTheRun(t *testing.T) {
	address, stdout, stderr, err := interrupted(t, "probe", "http")
	if !strings.Contains(err.Error(), "stopped by a signal: 0 of ") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(stdout, " RESULT fail=0 ") || !strings.Contains(stderr, "/chat is at "+address) {
		t.Errorf("stdout %q\nstderr %q", stdout, stderr)
	}
}

// TestASignalStopsTheWalk checks that why ends at once and says so.
func TestASignalStopsTheWalk(t *testing.T) {
	_, stdout, stderr, _ := interrupted(t, "why", "ws")
	if !strings.Contains(stdout, "The walk has no result: it was interrupted") || stderr != "" {
		t.Errorf("stdout %q\nstderr %q", stdout, stderr)
	}
}

// interrupted runs a command with the URL of a server, and cancels its context after the first
// request, as a signal does. The command must end with the status for an unknown result.
func interrupted(t *testing.T, name, scheme string) (address, stdout, stderr string, err error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	address = acceptEach(t, func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			stop()
		}
		<-ctx.Done()
	})
	var out, log bytes.Buffer
	root := command()
	root.SetArgs([]string{name, scheme + "://" + address + "/chat", "--ascii", "--timeout", "1m"})
	root.SetOut(&out)
	root.SetErr(&log)
	err = root.ExecuteContext(ctx)
	var failed exit.Error
	if !errors.As(err, &failed) || failed.Status != exit.StatusUnknown {
		t.Fatalf("got %v", err)
	}
	return address, out.String(), log.String(), err
}

// TestASecondSignalEndsTheDrain holds that serve then closes the tunnels that are open, and ends in order.
func TestASecondSignalEndsTheDrain(t *testing.T) {
	caught := make(chan os.Signal, 1) // so that the signal is not the end of the tests
	signal.Notify(caught, syscall.SIGTERM)
	defer signal.Stop(caught)
	backend, err := lab.Start("sound")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	s := serveFile(t, "backend: "+backend.URL+"\nlimits: {drain: 1h}\n")
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(conn, rules.NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ==").Head())
	if _, err := io.ReadFull(conn, make([]byte, len("HTTP/1.1 101"))); err != nil {
		t.Fatal(err)
	}
	go s.end()
	s.await(t, "draining", 1)
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the tunnel was not closed")
	}
	s.end()
	s.await(t, "draining ended by a second signal", 1)
	s.await(t, "stopped", 1)
}

// TestAFullDiskIsNoMistakeInUsage holds that a list that cannot be written has the status for an unknown
// result.
func TestAFullDiskIsNoMistakeInUsage(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, args := range [][]string{{"rules"}, {"diagnoses"}, {"probe", "--list"}} {
		var stderr bytes.Buffer
		if status := execute(args, full, &stderr); status != exit.StatusUnknown || !strings.Contains(stderr.String(), "no space left on device") {
			t.Errorf("%v: status %d, %s", args, status, &stderr)
		}
	}
}
