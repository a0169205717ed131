package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
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
