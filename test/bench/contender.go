//go:build linux

package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"
)

// A contender is one path from the load to the origin.
type contender struct {
	Name    string
	Command func(s setting) ([]string, error) // nil: no proxy; the origin itself is measured
}

var contenders = []contender{
	{Name: "direct"},
	{"nginx", nginx},
	{"haproxy", haproxy},
	{"reverseproxy", func(s setting) ([]string, error) { return []string{s.self, "reverseproxy", s.listen, s.backend}, nil }},
	{"goproxy", func(s setting) ([]string, error) { return []string{s.self, "goproxy", s.listen, s.backend}, nil }},
	{"interlock", func(s setting) ([]string, error) {
		path, err := s.fill("interlock.yaml", interlockYAML)
		return s.serve("--config", path), err
	}},
	{"interlock-sqlite", func(s setting) ([]string, error) {
		return s.serve("--store", filepath.Join(s.dir, "interlock.db")), nil
	}},
	{framesOff, func(s setting) ([]string, error) {
		path, err := s.fill("interlock.yaml", interlockYAML+"frames: off\n")
		return s.serve("--config", path), err
	}},
	{"interlock-guard", guarded},
	{"nginx-tls", nginxTLS},
	{"haproxy-tls", haproxyTLS},
	{"interlock-tls", interlockTLS},
	{"interlock-guard-tls", guardedTLS},
	{"haproxy-h2", haproxyHTTP2},
	{"nghttpx-h2", nghttpxHTTP2},
	{"interlock-h2", interlockHTTP2("audit")},
	{"interlock-pass-h2", interlockHTTP2("pass")},
}

// serve returns the command line of an interlock.
func (s setting) serve(more ...string) []string {
	return append([]string{s.interlock, "serve", "--backend", "http://" + s.backend, "--listen", s.listen, "--admin", s.admin, "--log", "json"}, more...)
}

// A setting has the folder and the addresses (host:port) of a contender.
type setting struct {
	dir             string // of the run; removed at its end
	self, interlock string // paths of the binaries
	backend         string
	listen, admin   string
}

//go:embed nginx.conf
var nginxConf string

//go:embed haproxy.cfg
var haproxyCfg string

//go:embed interlock.yaml
var interlockYAML string

func nginx(s setting) ([]string, error) {
	path, err := s.fill("nginx.conf", nginxConf)
	return []string{program("nginx"), "-p", s.dir, "-e", "stderr", "-c", path}, err
}

func haproxy(s setting) ([]string, error) {
	path, err := s.fill("haproxy.cfg", haproxyCfg)
	return []string{program("haproxy"), "-db", "-f", path}, err
}

// program also finds a daemon in folders that are not on an ordinary user's PATH.
func program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return "/usr/sbin/" + name
}

// fill writes a configuration with the addresses filled in and returns its path. Each configuration
// has its own folder, because an interlock watches that folder; in production, too, logs and
// databases are elsewhere.
func (s setting) fill(name, text string) (string, error) {
	t, err := template.New(name).Parse(text)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	values := map[string]string{"Dir": s.dir, "Listen": s.listen, "Backend": s.backend}
	values["ListenHost"], values["ListenPort"], _ = strings.Cut(s.listen, ":")
	values["BackendHost"], values["BackendPort"], _ = strings.Cut(s.backend, ":")
	if err := t.Execute(&b, values); err != nil {
		return "", err
	}
	folder := filepath.Join(s.dir, "conf")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(folder, name)
	return path, os.WriteFile(path, b.Bytes(), 0o644)
}

// A process is a child of the harness. It ends with its context, and with the harness however the
// harness ends.
type process struct {
	name   string
	cmd    *exec.Cmd
	cancel context.CancelFunc
	log    string        // path of its output
	done   chan struct{} // closed by wait
}

// start runs a command and returns when it accepts connections at listen.
func start(ctx context.Context, name string, s setting, command []string, listen string) (*process, error) {
	log := filepath.Join(s.dir, name+".log")
	out, err := os.OpenFile(log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o644) // appended to, so that forget may truncate it
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	defer out.Close()
	ctx, cancel := context.WithCancel(ctx)
	p := &process{name: name, cmd: child(ctx, command), cancel: cancel, log: log, done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = s.dir, out, out
	if err := p.cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go p.wait()
	if err := p.accepts(ctx, listen); err != nil {
		p.stop()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// child returns a command with one thread for Go code, which gets SIGTERM when ctx or the harness
// ends.
func child(ctx context.Context, command []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second // then SIGKILL
	return cmd
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) wait() {
	_ = p.cmd.Wait() // blame quotes how it ended
	close(p.done)
}

// accepts waits until the address accepts a connection, for 10 s at most.
func (p *process) accepts(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.done:
			return p.blame(err)
		case <-ctx.Done():
			return p.blame(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the process and waits for its end.
func (p *process) stop() {
	p.cancel()
	<-p.done
}

// forget truncates the output of the process.
func (p *process) forget() error {
	if err := os.Truncate(p.log, 0); err != nil {
		return fmt.Errorf("cut the log of %s: %w", p.name, err)
	}
	return nil
}

// blame adds to an error how the process ended, if it has, and the end of its output.
func (p *process) blame(err error) error {
	select {
	case <-p.done:
		err = fmt.Errorf("%w; %s ended: %v", err, p.name, p.cmd.ProcessState)
	default:
	}
	said, _ := os.ReadFile(p.log)
	if said = bytes.TrimSpace(said[max(0, len(said)-1000):]); len(said) > 0 {
		err = fmt.Errorf("%w; %s said: %s", err, p.name, said)
	}
	return err
}
