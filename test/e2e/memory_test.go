//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/store"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestReportsOfALargeStoreTakeLittleMemory reports on a store whose exchanges need many times the
// memory that the report may use.
func TestReportsOfALargeStoreTakeLittleMemory(t *testing.T) {
	t.Parallel()
	const exchanges, most = 60_000, 200 << 10 // KiB
	dir := t.TempDir()
	kept := filepath.Join(dir, "store.db")
	fill(t, kept, exchanges)
	used := int64(most + 1)
	for range 3 { // a busy machine leaves more garbage now and then
		dir = t.TempDir()
		args := []string{"report", "--store", kept, "-o", "json=/dev/null", "-o", "ndjson=/dev//null", "-o", "har=/dev/./null"} // too large to keep in memory
		for _, f := range []string{"text", "junit", "sarif", "html", "markdown", "gitlab", "wire"} {
			args = append(args, "-o", f+"="+filepath.Join(dir, f))
		}
		if used = reported(t, args); used <= most {
			break
		}
	}
	text := content(t, dir, "text")
	if want := fmt.Sprintf("RESULT fail=%d ", exchanges/2); !strings.Contains(text, want) {
		t.Errorf("got %q, want %s", text[max(0, len(text)-200):], want)
	}
	if used > most {
		t.Errorf("report took %d KiB for %d exchanges, want no more than %d", used, exchanges, most)
	}
}

// reported runs interlock report, and returns how much memory it used, in KiB: what the system said of it at most 20 ms before
// its end. What it says at the end includes the memory of the process that started it, which these tests are.
func reported(t *testing.T, args []string) int64 {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 5*patience)
	defer stop()
	cmd := exec.CommandContext(ctx, "interlock", args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2", "GOMEMLIMIT=112MiB") // more garbage is left on a machine with many cores
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var used int64
	var err error
	for running := true; running; {
		select {
		case err = <-ended:
			running = false
		case <-time.After(20 * time.Millisecond):
			used = max(used, mostResident(cmd.Process.Pid))
		}
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("got %v, want status 1", err)
	}
	if used == 0 {
		t.Fatal("nothing is known of the memory of the report")
	}
	t.Logf("%d KiB", used)
	return used
}

// mostResident is how much memory a process has had at most so far, in KiB; 0 if it has ended.
func mostResident(pid int) (kB int64) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Sscan(after, &kB)
	return kB
}

// fill writes n exchanges into a store. Every other exchange is a failure.
func fill(t *testing.T, name string, n int) {
	t.Helper()
	s, err := store.Open(t.Context(), name, store.Options{Instance: "a1", Version: "0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := &store.Writer{Store: s, Count: n, Bytes: 1 << 40, Limits: store.Limits{Bytes: 1 << 40}, Drain: patience}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	for i := range n {
		for w.State().Waiting > 2000 { // the store never makes a writer wait
			time.Sleep(time.Millisecond)
		}
		fault := [...][2]string{{"", ""}, {"Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13.0"}}[i%2] // not critical, because critical exchanges are written one by one
		r := rules.Classify(rules.Case{X: &wire.Exchange{
			ID: fmt.Sprintf("01J%023d", i), Final: true, Complete: true, Origin: wire.OriginLive, Route: "default", Client: "127.0.0.1:5",
			Backend: "127.0.0.1:3000", Time: time.Now(), BodyDone: true, Outcome: wire.Switched,
			Request:  wire.ReadRequest([]byte(strings.Replace(handshake, fault[0], fault[1], 1))),
			Response: wire.ReadResponse([]byte(switching)),
		}})
		r.Endpoint = fmt.Sprintf("/room%d", i%1000)
		w.Write(r)
	}
	stop()
	if err := <-ended; err != nil || w.State().Shed > 0 {
		t.Fatalf("got %v, %+v", err, w.State())
	}
}
