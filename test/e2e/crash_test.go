//go:build e2e

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// few is how many times a slow server is probed. Each run must give the same results.
const few = 3

// endings returns the probes that crash a program on Node's ws without an error listener, and the
// probes without Upgrade that make node/dying-server.mjs exit.
func endings() []string {
	return []string{
		"UPGRADE-BODY-CHUNKED", "UPGRADE-MISSING-UPGRADE", "UPGRADE-SEQ-EXTRA-CRLF", "UPGRADE-SEQ-GARBAGE",
		"UPGRADE-SEQ-HTTP-IN-TUNNEL", "UPGRADE-SEQ-PIPELINE", "UPGRADE-SEQ-UNMASKED", "UPGRADE-UNDERSCORE-UPGRADE",
	}
}

// crashes returns the probes that fail UPGRADE-CRASH.
func (p *probed) crashes() (all []string) {
	for _, r := range p.results() {
		if slices.ContainsFunc(p.found(r.Probe, "fail"), func(f finding) bool { return f.Rule == "UPGRADE-CRASH" && f.Severity == "high" }) {
			all = append(all, r.Probe)
		}
	}
	return all
}

// TestEachCrashIsBlamedOnItsProbe probes a program that some probes crash and that a supervisor
// restarts. In each run exactly those probes fail.
func TestEachCrashIsBlamedOnItsProbe(t *testing.T) {
	t.Parallel()
	addr := dyingServer(t, true, 0)
	var before map[string]string
	for range few {
		p := probe(t, "http://"+addr+"/", "--only", "UPGRADE-METHOD-*,UPGRADE-HOST-*,"+strings.Join(endings(), ","))
		if got := p.crashes(); !slices.Equal(got, endings()) {
			t.Errorf("got UPGRADE-CRASH at %q, want %q", got, endings())
		}
		e := &p.Endpoints[0]
		var culprits []string
		for _, c := range e.Crashes {
			culprits = append(culprits, c.Culprit)
			if !c.Back {
				t.Errorf("got %+v, want it to be back", c)
			}
		}
		slices.Sort(culprits)
		if !slices.Equal(culprits, endings()) || e.Gone != "" || e.Degraded || len(p.with("not-sent")) > 0 || p.status != 1 {
			t.Errorf("got status %d, %+v, gone %q, degraded %t\n%s", p.status, e.Crashes, e.Gone, e.Degraded, p.stderr)
		}
		before = steady(t, before, p)
	}
}

// TestACrashForGood probes the same program without a supervisor: the run stops at the crash and
// reports it.
func TestACrashForGood(t *testing.T) {
	t.Parallel()
	p := probe(t, "http://"+dyingServer(t, false, 0)+"/", "--skip", "UPGRADE-MISSING-UPGRADE,UPGRADE-UNDERSCORE-UPGRADE")
	e := p.Endpoints[0]
	if last := "UPGRADE-BODY-CHUNKED"; e.Gone != last || len(e.Crashes) != 1 || e.Crashes[0].Culprit != last || e.Crashes[0].Back || p.status != 1 {
		t.Errorf("got status %d, gone %q, %+v", p.status, e.Gone, e.Crashes)
	}
	if got := p.crashes(); !slices.Equal(got, []string{"UPGRADE-BODY-CHUNKED"}) {
		t.Errorf("got UPGRADE-CRASH at %q", got)
	}
	result := p.text[strings.LastIndex(p.text, "RESULT "):]
	if !strings.Contains(result, " backend=gone\n") || !strings.Contains(p.stderr, "backend=gone: the backend is gone since UPGRADE-BODY-CHUNKED") {
		t.Errorf("the output does not say that the backend is gone: %s%s", result, p.stderr)
	}
}

// TestACrashAmongSeveral has the program crash for good while three other probes wait for an answer.
// The report lists the four as suspects, the exit status is 3, and the output has a command that
// tries them one at a time. That command finds the culprit.
func TestACrashAmongSeveral(t *testing.T) {
	t.Parallel()
	suspects := "UPGRADE-METHOD-DELETE,UPGRADE-METHOD-PATCH,UPGRADE-METHOD-PUT,UPGRADE-MISSING-UPGRADE"
	p := probe(t, "http://"+dyingServer(t, false, 3)+"/", "--only", suspects, "--concurrency", "4")
	e := p.Endpoints[0]
	if len(e.Crashes) != 1 || e.Crashes[0].Back || e.Crashes[0].Culprit != "" || len(p.crashes()) > 0 {
		t.Fatalf("got %+v, UPGRADE-CRASH at %q", e.Crashes, p.crashes())
	}
	candidates := e.Crashes[0].Candidates
	apart := " --only " + strings.Join(candidates, ",") + " --concurrency 1"
	if p.status != 3 || !strings.Contains(p.stderr, "backend=gone: ") || !strings.Contains(p.stderr, apart) || !strings.Contains(p.text, apart) {
		t.Errorf("got status %d, want 3 and %q\n%s", p.status, apart, p.stderr)
	}
	if slices.Sort(candidates); strings.Join(candidates, ",") != suspects {
		t.Errorf("got the suspects %q, want %s", candidates, suspects)
	}
	p = probe(t, "http://"+dyingServer(t, false, 0)+"/", "--only", suspects, "--concurrency", "1")
	if e := p.Endpoints[0]; p.status != 1 || len(e.Crashes) != 1 || e.Crashes[0].Culprit != "UPGRADE-MISSING-UPGRADE" {
		t.Errorf("one at a time: got status %d, %+v\n%s", p.status, e.Crashes, p.stderr)
	}
}

// dyingServer starts node/dying-server.mjs and returns its host:port. With again, the program is
// restarted each time it exits, until the test ends. With others it crashes only while so many other
// requests wait for an answer.
func dyingServer(t *testing.T, again bool, others int) (addr string) {
	t.Helper()
	var dying sync.WaitGroup
	var mu sync.Mutex
	var stop func()
	over := false
	start := func(addr string) (wait func() error, err error) {
		_, port, _ := net.SplitHostPort(addr)
		cmd := exec.Command(program(t, "node", "nodejs"), "node/dying-server.mjs", port, strconv.Itoa(others))
		stdin, err1 := cmd.StdinPipe()
		stdout, err2 := cmd.StdoutPipe()
		var stderr strings.Builder
		cmd.Stderr = &stderr
		if err := errors.Join(err1, err2, cmd.Start()); err != nil {
			return nil, err
		}
		mu.Lock()
		stop = func() { stdin.Close() }
		if over {
			stop()
		}
		mu.Unlock()
		if line, _ := bufio.NewReader(stdout).ReadString('\n'); strings.TrimSpace(line) != port {
			stdin.Close()
			return nil, fmt.Errorf("%w: %s", errors.Join(errors.New("it does not listen"), cmd.Wait()), &stderr)
		}
		return func() error {
			_, _ = io.Copy(io.Discard, stdout)
			return cmd.Wait()
		}, nil
	}
	var wait func() error
	if err := ports.Use(func(at string) (err error) {
		addr = at
		wait, err = start(at)
		return err
	}); err != nil {
		t.Fatalf("node/dying-server.mjs: %v", err)
	}
	dying.Go(func() {
		for {
			_ = wait() // always fails: the program is meant to crash
			mu.Lock()
			done := over || !again
			mu.Unlock()
			var err error
			if done {
				return
			} else if wait, err = start(addr); err != nil {
				mu.Lock()
				defer mu.Unlock()
				if !over {
					t.Errorf("node/dying-server.mjs: %v", err)
				}
				return
			}
		}
	})
	t.Cleanup(func() {
		mu.Lock()
		over = true
		stop()
		mu.Unlock()
		dying.Wait()
	})
	return addr
}
