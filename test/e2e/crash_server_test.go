//go:build e2e

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
)

// restartAfter is how long nothing listens after a crash, as supervisors wait. Probes cannot see a
// crash whose program is back before they look.
const restartAfter = 300 * time.Millisecond

// A dying is node/dying-server.mjs at an address. It ends with its test.
type dying struct {
	addr    string       // host:port
	slowest atomic.Int64 // the longest time from a crash until it listened again

	others int
	mu     sync.Mutex
	over   bool
	all    []*dyingProcess // the last two: the one that listens, and one that waits to replace it
}

// A dyingProcess is one life of it.
type dyingProcess struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr strings.Builder
}

// dyingServer starts node/dying-server.mjs. With again, another process replaces it each time it
// crashes, until the test ends. With others it crashes only while so many other requests wait for an
// answer.
func dyingServer(t *testing.T, again bool, others int) *dying {
	t.Helper()
	node := program(t, "node", "nodejs")
	d := &dying{others: others}
	var current *dyingProcess
	err := ports.Use(func(addr string) (err error) {
		d.addr = addr
		if current, err = d.start(node); err == nil {
			err = current.listen(addr)
		}
		return err
	})
	if err != nil {
		t.Fatalf("node/dying-server.mjs: %v", err)
	}
	var living sync.WaitGroup
	living.Go(func() {
		if err := d.live(node, current, again); err != nil {
			t.Errorf("node/dying-server.mjs: %v", err)
		}
	})
	t.Cleanup(func() {
		d.mu.Lock()
		d.over = true
		for _, p := range d.all {
			p.stdin.Close()
			defer time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() }).Stop() // it may hang
		}
		d.mu.Unlock()
		living.Wait()
	})
	return d
}

// start starts a process that does not listen yet.
func (d *dying) start(node string) (*dyingProcess, error) {
	_, port, _ := net.SplitHostPort(d.addr)
	p := &dyingProcess{cmd: exec.Command(node, "node/dying-server.mjs", port, strconv.Itoa(d.others))}
	p.cmd.Stderr = &p.stderr
	stdin, err1 := p.cmd.StdinPipe()
	stdout, err2 := p.cmd.StdoutPipe()
	if err := errors.Join(err1, err2, p.cmd.Start()); err != nil {
		return nil, err
	}
	p.stdin, p.stdout = stdin, bufio.NewReader(stdout)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all = append(d.all, p); d.over {
		stdin.Close()
	}
	d.all = d.all[max(0, len(d.all)-2):]
	return p, nil
}

// listen has a process listen.
func (p *dyingProcess) listen(addr string) error {
	_, port, _ := net.SplitHostPort(addr)
	_, err := io.WriteString(p.stdin, "listen\n")
	if line, _ := p.stdout.ReadString('\n'); err != nil || strings.TrimSpace(line) != port {
		p.stdin.Close()
		return fmt.Errorf("%w: %s", errors.Join(errors.New("it does not listen"), err, p.cmd.Wait()), &p.stderr)
	}
	return nil
}

// wait waits until a process has ended.
func (p *dyingProcess) wait() {
	_, _ = io.Copy(io.Discard, p.stdout)
	_ = p.cmd.Wait() // always fails: the program is meant to crash
}

// live replaces each process that has crashed, until the test is over.
func (d *dying) live(node string, current *dyingProcess, again bool) error {
	if !again {
		current.wait()
		return nil
	}
	next, err := d.start(node)
	for err == nil {
		current.wait()
		began := time.Now()
		time.Sleep(restartAfter)
		d.mu.Lock()
		over := d.over
		d.mu.Unlock()
		if over {
			next.wait()
			return nil
		}
		if err = next.listen(d.addr); err != nil {
			break
		}
		d.slowest.Store(max(d.slowest.Load(), int64(time.Since(began))))
		current = next
		next, err = d.start(node)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return nil
	}
	return err
}
