package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/exit"
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
