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

// TestASignalStopsTheWalk cancels the context after the first request, as a signal does, and checks
// that the walk ends at once and says so.
func TestASignalStopsTheWalk(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	address := acceptEach(t, func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			stop()
		}
		<-ctx.Done()
	})
	var stdout, stderr bytes.Buffer
	root := command()
	root.SetArgs([]string{"why", "ws://" + address + "/chat", "--ascii", "--timeout", "1m"})
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	var failed exit.Error
	if err := root.ExecuteContext(ctx); !errors.As(err, &failed) || failed.Status != exit.StatusUnknown {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(stdout.String(), "The walk has no result: it was interrupted") || stderr.Len() > 0 {
		t.Errorf("stdout %q\nstderr %q", stdout.String(), stderr.String())
	}
}
