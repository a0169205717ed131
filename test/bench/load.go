//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A loadProcess is the harness's end of a load process. That process writes "ready" when its
// connections are open, waits for a line, does the work, writes "done", and keeps the connections
// open until its stdin is closed.
type loadProcess struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr bytes.Buffer
}

func startLoad(ctx context.Context, self string, args ...string) (*loadProcess, error) {
	l := &loadProcess{cmd: child(ctx, append([]string{self}, args...))}
	l.cmd.Stderr = &l.stderr
	stdin, err1 := l.cmd.StdinPipe()
	stdout, err2 := l.cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("start the load: %w", err)
	}
	l.stdin, l.stdout = stdin, bufio.NewReader(stdout)
	if err := l.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the load: %w", err)
	}
	return l, nil
}

// expect reads one line, which must be the word; otherwise it returns the load's error.
func (l *loadProcess) expect(word string) error {
	line, err := l.stdout.ReadString('\n')
	if err != nil || line != word+"\n" {
		return fmt.Errorf("wait for the load to say %q: got %q", word, line)
	}
	return nil
}

func (l *loadProcess) begin() error {
	if _, err := io.WriteString(l.stdin, "go\n"); err != nil {
		return fmt.Errorf("begin the load: %w", err)
	}
	return nil
}

// end makes the load close its connections and waits for it. It returns the load's error.
func (l *loadProcess) end() error {
	l.stdin.Close()
	if err := l.cmd.Wait(); err != nil {
		return fmt.Errorf("%s (%w)", strings.TrimSpace(l.stderr.String()), err)
	}
	return nil
}

// A client keeps units of a work in flight. Each connection begins its next unit when the last one
// is complete.
type client struct {
	work   work
	target *unix.SockaddrInet4
	poll   *poll
	conns  []conn
	serial uint64 // of the last handshake
	paths  int    // number of paths for handshakes
	hosts  int    // number of addresses that connections come from; 0: the one that the system chooses
	in     [256 << 10]byte
}

type conn struct {
	fd     int
	token  int    // its index in conns
	held   []byte // the part of a response that has arrived
	accept string // the Sec-WebSocket-Accept that the unit expects
	left   int    // bytes of the unit that are still expected
}

// load does args[2] units of the work args[0] against args[1], at args[3] paths and from args[4] addresses if given.
func load(args []string) error {
	all := append(allWorks(), agingWork)
	at := slices.IndexFunc(all, func(w work) bool { return w.Name == args[0] })
	if at < 0 {
		return fmt.Errorf("%q is not a work", args[0])
	}
	count, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	c, err := newClient(all[at], args[1], all[at].Connections)
	if err != nil {
		return err
	}
	if len(args) > 3 {
		if c.paths, err = strconv.Atoi(args[3]); err != nil {
			return err
		}
	}
	if len(args) > 4 {
		if c.hosts, err = strconv.Atoi(args[4]); err != nil {
			return err
		}
		c.serial = rand.Uint64() >> 1 // another load began with others of the addresses
	}
	if err := c.work.Open(c); err != nil {
		return err
	}
	return inStep(func() error { return c.do(count) })
}

// inStep reports that it is ready, calls do on command, and returns on command.
func inStep(do func() error) error {
	fmt.Println("ready")
	stdin := bufio.NewReader(os.Stdin)
	if _, err := stdin.ReadString('\n'); err != nil {
		return fmt.Errorf("wait for the word to begin: %w", err)
	}
	if err := do(); err != nil {
		return err
	}
	fmt.Println("done")
	if _, err := stdin.ReadString('\n'); !errors.Is(err, io.EOF) {
		return fmt.Errorf("wait for the end: %w", err)
	}
	return nil
}

func newClient(w work, target string, connections int) (c *client, err error) {
	c = &client{work: w, conns: make([]conn, connections)}
	for i := range c.conns {
		c.conns[i].token = i
	}
	if c.target, err = socketAddress(target); err != nil {
		return nil, err
	}
	c.poll, err = newPoll()
	return c, err
}

// do makes count units and checks them.
func (c *client) do(count int) error {
	begun := min(count, len(c.conns))
	for i := range begun {
		if err := c.work.Begin(c, &c.conns[i]); err != nil {
			return fmt.Errorf("begin a %s: %w", c.work.Unit, err)
		}
	}
	for ended := 0; ended < count; {
		events, err := c.poll.wait(10_000)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return fmt.Errorf("nothing came for 10 s, after %d of %d", ended, count)
		}
		for _, event := range events {
			conn := &c.conns[event.Fd]
			all, err := c.read(conn)
			if err != nil {
				return fmt.Errorf("%s after %d of %d: %w", c.work.Unit, ended, count, err)
			}
			if !all {
				continue
			}
			ended++
			if begun == count {
				continue
			}
			begun++
			if err := c.work.Begin(c, conn); err != nil {
				return fmt.Errorf("begin a %s: %w", c.work.Unit, err)
			}
		}
	}
	return nil
}

// read reads from a connection and reports whether its unit is complete.
func (c *client) read(conn *conn) (bool, error) {
	n, err := readAgain(conn.fd, c.in[:])
	if err != nil {
		return false, fmt.Errorf("read: %w", err)
	}
	if n == 0 {
		return false, fmt.Errorf("closed after %q", conn.held)
	}
	in := c.in[:n]
	if len(conn.held) > 0 {
		in = append(conn.held, in...)
	}
	all, err := c.work.End(c, conn, in)
	if all || c.work.Stream {
		conn.held = conn.held[:0]
	} else {
		conn.held = append(conn.held[:0], in...)
	}
	return all, err
}

// dial opens a connection and blocks. On loopback the TCP handshake is complete when connect
// returns, so a non-blocking connect would gain nothing.
func (c *client) dial(conn *conn) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("make a socket: %w", err)
	}
	conn.fd = fd
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return fmt.Errorf("set TCP_NODELAY: %w", err)
	}
	if c.hosts > 0 {
		if err := errors.Join(
			unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1),
			unix.Bind(fd, &unix.SockaddrInet4{Addr: hostAddress(int(c.serial % uint64(c.hosts)))}),
		); err != nil {
			return fmt.Errorf("bind to an address: %w", err)
		}
	}
	if err := unix.Connect(fd, c.target); err != nil {
		return fmt.Errorf("connect to port %d: %w", c.target.Port, err)
	}
	return c.poll.add(fd, conn.token)
}

// bound makes reads of a connection that block fail after 10 s. With a bound the kernel does not repeat a read that a signal
// of the Go runtime interrupted.
func bound(fd int) error {
	return unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10})
}

// readAgain reads, and does so again if a signal interrupts it.
func readAgain(fd int, in []byte) (n int, err error) {
	for n, err = unix.Read(fd, in); errors.Is(err, unix.EINTR); n, err = unix.Read(fd, in) {
	}
	return n, err
}

// hostAddress returns one of 16 million addresses of this machine, 127.1.0.0 and what follows.
func hostAddress(i int) [4]byte { return [4]byte{127, byte(1 + i>>16), byte(i >> 8), byte(i)} }

func (c *client) close(conn *conn) error {
	if err := unix.Close(conn.fd); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
