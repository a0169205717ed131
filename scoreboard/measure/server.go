package measure

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/interlock-proxy/interlock/internal/lab/ports"
	"github.com/interlock-proxy/interlock/scoreboard/recipe"
)

// Limits of starting and ending a server.
const (
	startTime = time.Minute
	buildTime = 10 * time.Minute
	endTime   = 5 * time.Second
	askAgain  = 50 * time.Millisecond // between two attempts to connect
	maxSaid   = 4 << 10               // bytes of the server's output that an error shows
)

var errNotSwitched = errors.New("not a 101")

// A server is a running server of a recipe. Its processes are a process group.
type server struct {
	addr  string
	cmd   *exec.Cmd
	stdin io.Closer
	said  *tail
	ended chan struct{} // closed when the first process has ended
}

// A prepared recipe can be started.
type prepared struct {
	*recipe.Recipe
	dir string // for what was built
}

// prepare builds the server of a recipe.
func prepare(ctx context.Context, r *recipe.Recipe, dir string) (*prepared, error) {
	p := &prepared{r, dir}
	if len(r.Build) == 0 {
		return p, nil
	}
	ctx, stop := context.WithTimeout(ctx, buildTime)
	defer stop()
	words := p.fill("", "").all(r.Build)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = r.Dir()
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %q: %w\n%s", words, err, lastOf(string(out)))
	}
	return p, nil
}

// A filler replaces the words of recipes.
type filler struct{ *strings.Replacer }

func (p *prepared) fill(port, config string) filler {
	return filler{strings.NewReplacer("@PORT@", port, "@DIR@", p.dir, "@RECIPE@", p.Dir(), "@CONFIG@", config)}
}

func (f filler) all(words []string) (filled []string) {
	for _, w := range words {
		filled = append(filled, f.Replace(w))
	}
	return filled
}

// start starts the server and waits until it is ready.
func (p *prepared) start(ctx context.Context) (*server, error) {
	if !p.Asks() {
		return p.startAt(ctx, "")
	}
	var s *server
	err := ports.Use(func(addr string) (err error) {
		s, err = p.startAt(ctx, addr)
		return err
	})
	return s, err
}

// startAt starts the server with an address; empty: the server prints its port.
func (p *prepared) startAt(ctx context.Context, addr string) (*server, error) {
	cmd, err := p.command(addr)
	if err != nil {
		return nil, err
	}
	s := &server{addr: addr, cmd: cmd, said: &tail{}, ended: make(chan struct{})}
	cmd.Stderr = s.said
	var first chan string
	if addr == "" {
		first = make(chan string, 1) // one line; the sender does not wait
		cmd.Stdout = &firstLine{line: first, rest: s.said}
	} else {
		cmd.Stdout = s.said
	}
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go s.wait()
	if err := s.ready(ctx, p.Recipe, first); err != nil {
		s.stop()
		return nil, fmt.Errorf("%q: %w\n%s", cmd.Args, err, s.said)
	}
	return s, nil
}

// command returns the command of the server, which leads a process group.
func (p *prepared) command(addr string) (*exec.Cmd, error) {
	_, port, _ := net.SplitHostPort(addr)
	config := filepath.Join(p.dir, "config")
	fill := p.fill(port, config)
	if p.Configuration != "" {
		if err := os.WriteFile(config, []byte(fill.Replace(p.Configuration)), 0o644); err != nil {
			return nil, err
		}
	}
	words := fill.all(p.Command)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = p.Dir()
	cmd.Env = append(os.Environ(), "HOME="+p.dir, "TMPDIR="+p.dir)
	for name, value := range p.Environment {
		cmd.Env = append(cmd.Env, name+"="+fill.Replace(value))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second // a child of the server may hold its output
	return cmd, nil
}

func (s *server) wait() {
	_ = s.cmd.Wait()
	close(s.ended)
}

// ready waits until the server can be probed.
func (s *server) ready(ctx context.Context, r *recipe.Recipe, first chan string) error {
	ctx, stop := context.WithTimeout(ctx, startTime)
	defer stop()
	if first != nil {
		select {
		case port := <-first:
			s.addr = "127.0.0.1:" + strings.TrimSpace(port)
		case <-s.ended:
			return errors.New("it ended")
		case <-ctx.Done():
			return fmt.Errorf("it did not print its port: %w", ctx.Err())
		}
	}
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for {
		err := s.asked(ctx, r)
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-s.ended:
			return errors.New("it ended")
		case <-ctx.Done():
			return fmt.Errorf("it is not ready: %w", err)
		}
	}
}

// asked returns nil if the server is ready.
func (s *server) asked(ctx context.Context, r *recipe.Recipe) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if r.Ready == recipe.Listens {
		return nil
	}
	conn.SetDeadline(time.Now().Add(endTime))
	if _, err := io.WriteString(conn, handshake(r, s.addr).Head()); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if !strings.HasPrefix(line, "HTTP/1.1 101") {
		return fmt.Errorf("a valid handshake got %q: %w", line, cmp.Or(err, errNotSwitched))
	}
	return nil
}

// running reports whether the server has not ended by itself.
func (s *server) running() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// stop ends the server and its children. It returns when the server has ended.
func (s *server) stop() {
	s.stdin.Close()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		_ = syscall.Kill(-s.cmd.Process.Pid, signal)
		late := time.NewTimer(endTime)
		select {
		case <-s.ended:
		case <-late.C:
		}
		late.Stop()
	}
	<-s.ended
}

// A tail keeps the last bytes that a server wrote.
type tail struct {
	mu   sync.Mutex
	last []byte
}

// Write is part of io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if over := len(t.last) - maxSaid; over > 0 {
		t.last = slices.Clone(t.last[over:])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.last)
}

// A firstLine hands over the first line of a server.
type firstLine struct {
	line chan<- string // nil after the first line
	kept []byte
	rest io.Writer
}

// Write is part of io.Writer.
func (f *firstLine) Write(p []byte) (int, error) {
	if f.line == nil {
		return f.rest.Write(p)
	}
	f.kept = append(f.kept, p...)
	if line, _, whole := bytes.Cut(f.kept, []byte("\n")); whole {
		f.line <- string(line)
		f.line = nil
	}
	return len(p), nil
}

// lastOf is the end of a text.
func lastOf(text string) string { return text[max(0, len(text)-maxSaid):] }
