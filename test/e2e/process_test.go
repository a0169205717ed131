//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a running interlock serve. It ends with its test.
type process struct {
	journal
	t       testing.TB
	cmd     *exec.Cmd
	stderr  bytes.Buffer  // may be read only after ended is closed
	ended   chan struct{} // closed when the process has ended and the journal is complete
	listen  string        // addresses, host:port
	admin   string
	forward string
	killed  bool
	base    int // open descriptors before the first connection
}

// serve starts interlock in front of a backend (host:port) and returns when it listens.
func serve(t testing.TB, backend string, flags ...string) *process {
	t.Helper()
	return serveBy(t, nil, backend, flags...)
}

// serveBy is like serve, but starts interlock through another command, such as one that sets limits
// first.
func serveBy(t testing.TB, by []string, backend string, flags ...string) *process {
	t.Helper()
	words := append(slices.Clone(by), "interlock", "serve", "--backend", "http://"+backend, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
		"--log", "json", "--store", "memory")
	return startServe(t, append(words, flags...))
}

// startServe starts a command line that runs interlock serve with --log json and returns when it listens.
func startServe(t testing.TB, words []string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(words[0], words[1:]...), ended: make(chan struct{})}
	p.wake = make(chan struct{})
	p.cmd.Stderr = &p.stderr
	stdout, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatalf("start interlock: %v", err)
	}
	go func() {
		defer close(p.ended)
		p.read(stdout)
		p.cmd.Wait() // wait checks the exit status
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("log:\n%s%s", p, &p.stderr)
		}
	})
	up := p.message(t, "listening")
	p.listen, p.admin, p.forward = up.Listen, up.Admin, up.Forward
	p.base = p.descriptors()
	return p
}

// url returns the URL of a target on the reverse listener.
func (p *process) url(target string) string { return "http://" + p.listen + target }

// terminate sends SIGTERM to the process.
func (p *process) terminate() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Errorf("signal interlock: %v", err)
	}
}

// kill ends the process as an operating system does that runs out of memory.
func (p *process) kill() {
	p.killed = true
	p.cmd.Process.Kill()
	<-p.ended
}

// stop ends the process if it is running, and returns its last log line.
func (p *process) stop() line {
	p.t.Helper()
	select {
	case <-p.ended:
	default:
		p.terminate()
	}
	return p.wait()
}

// wait waits for the process to exit, checks that it exited cleanly, and returns its last log line.
func (p *process) wait() line {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.cmd.Process.Kill()
		<-p.ended
		p.t.Errorf("interlock does not end")
		return line{}
	}
	if p.killed {
		return line{}
	}
	if got := p.cmd.ProcessState.ExitCode(); got != 0 {
		p.t.Errorf("interlock ended with status %d, want 0: %s", got, &p.stderr)
	}
	if p.stderr.Len() > 0 {
		p.t.Errorf("got %q on standard error, want nothing", &p.stderr)
	}
	if len(p.bad) > 0 {
		p.t.Errorf("lines of the log are not JSON: %q", p.bad)
	}
	last, _, _, _ := p.find(func(l line) bool { return l.Message == "stopped" })
	if n := len(p.lines); n == 0 || p.lines[n-1].text != last.text {
		p.t.Errorf("the last line of the log does not say stopped")
	}
	return last
}

// descriptors returns the number of sockets and pipes that the process has open. Other descriptors
// are not counted, because the runtime opens its poller some time after the process begins to
// listen.
func (p *process) descriptors() int {
	p.t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd/", p.cmd.Process.Pid)
	open, err := os.ReadDir(dir)
	if err != nil {
		p.t.Fatal(err)
	}
	distinct := map[string]bool{}
	for _, each := range open {
		if to, _ := os.Readlink(dir + each.Name()); strings.HasPrefix(to, "socket:") || strings.HasPrefix(to, "pipe:") {
			distinct[to] = true
		}
	}
	return len(distinct)
}

// nothingLeft waits until the process has no more sockets and pipes open than before the first
// connection.
func (p *process) nothingLeft() {
	p.t.Helper()
	pause := time.Millisecond
	for deadline := time.Now().Add(patience); p.descriptors() > p.base; pause = min(2*pause, 10*time.Millisecond) {
		time.Sleep(pause)
		if time.Now().After(deadline) {
			p.t.Fatalf("got %d sockets and pipes, want %d as before the first connection\n%s", p.descriptors(), p.base, p.openFiles())
		}
	}
}

func (p *process) openFiles() string {
	dir := fmt.Sprintf("/proc/%d/fd/", p.cmd.Process.Pid)
	open, err := os.ReadDir(dir)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, each := range open {
		to, _ := os.Readlink(dir + each.Name())
		b.WriteString(each.Name() + " " + to + "\n")
	}
	return b.String()
}

// resident returns the resident memory of the process in kB.
func (p *process) resident() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	for text := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(text, "VmRSS:"); ok {
			kB, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
			if err != nil {
				p.t.Fatal(err)
			}
			return kB
		}
	}
	p.t.Fatalf("no VmRSS in %q", status)
	return 0
}
