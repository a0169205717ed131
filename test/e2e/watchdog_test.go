//go:build e2e && linux

package e2e

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A watchdog looks for clients that wait although nothing is in their way. It records what the program does at such a
// moment, and tells a machine that is slow from a program that sleeps: by a byte that goes to and fro through another process,
// by requests to the admin address, and by how long the program was ready to run and did not.
type watchdog struct {
	t     *testing.T
	p     *process
	limit time.Duration

	ends [2]func() // of the pulses

	mu     sync.Mutex
	pulses [2][]pulse // of another process, and of the admin address
	stalls []string
	slow   int // waits while the machine was slow
}

// A pulse is one round.
type pulse struct {
	sent    time.Time
	took    time.Duration // 0: it is under way
	starved time.Duration // for how long the program had been ready to run and did not, until it was sent
}

// newWatchdog begins to take the pulses.
func newWatchdog(t *testing.T, p *process, limit time.Duration) *watchdog {
	w := &watchdog{t: t, p: p, limit: limit}
	cat := exec.Command(program(t, "cat", "coreutils"))
	to, err := cat.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	from, err := cat.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := begin(t, cat); err != nil {
		t.Fatal(err)
	}
	w.take(0, func() error {
		_, err := to.Write([]byte{0})
		if err == nil {
			_, err = from.Read(make([]byte, 1))
		}
		return err
	}, func() { to.Close() })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	w.take(1, func() error {
		response, err := client.Get("http://" + p.admin + "/healthz")
		if err == nil {
			io.Copy(io.Discard, response.Body)
			err = response.Body.Close()
		}
		return err
	}, client.CloseIdleConnections)
	return w
}

// read reads what must come at once.
func (w *watchdog) read(conn net.Conn, b []byte, what string) (n int, err error) {
	err = w.wait(conn.SetReadDeadline, what, func() (err error) {
		n, err = conn.Read(b)
		return err
	})
	return n, err
}

// wait has something be done that must come about at once. Once its deadline has passed it is done again.
func (w *watchdog) wait(deadline func(time.Time) error, what string, do func() error) error {
	since := time.Now()
	deadline(since.Add(w.limit))
	err := do()
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	state := w.state()
	deadline(time.Now().Add(patience))
	err = do()
	w.mu.Lock()
	defer w.mu.Unlock()
	waited := time.Since(since).Round(time.Millisecond)
	if waited < 10*w.limit && w.wasSlow(since) {
		w.slow++
		return err
	}
	w.stalls = append(w.stalls, fmt.Sprintf("%s: %s waited %v (%v)\n%s", since.Format(time.StampMilli), what, waited, err, state))
	return err
}

// write writes what must be taken at once, piece by piece.
func (w *watchdog) write(conn net.Conn, size, piece int64, what string) error {
	for b := make([]byte, piece); size > 0; {
		err := w.wait(conn.SetWriteDeadline, what, func() error {
			n, err := conn.Write(b[:min(size, piece)])
			size -= int64(n)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readAll reads n bytes, or up to the end if n is negative.
func (w *watchdog) readAll(conn net.Conn, n int64, what string) error {
	b := make([]byte, 64<<10)
	for n != 0 {
		want := b
		if n > 0 && n < int64(len(b)) {
			want = b[:n]
		}
		got, err := w.read(conn, want, what)
		switch {
		case errors.Is(err, io.EOF) && n < 0:
			return nil
		case err != nil:
			return err
		case n > 0:
			n -= int64(got)
		}
	}
	return nil
}

// state is what the program does at the moment: what its event loops wait for, what is in the queues of sockets, and all
// goroutines.
func (w *watchdog) state() string {
	var b strings.Builder
	dir := fmt.Sprintf("/proc/%d/", w.p.cmd.Process.Pid)
	open, _ := os.ReadDir(dir + "fd")
	for _, each := range open {
		to, _ := os.Readlink(dir + "fd/" + each.Name())
		if info, _ := os.ReadFile(dir + "fdinfo/" + each.Name()); strings.Contains(to, "eventpoll") {
			fmt.Fprintf(&b, "epoll %s\n%s", each.Name(), info)
		} else if strings.HasPrefix(to, "socket:") {
			fmt.Fprintf(&b, "fd %s %s\n", each.Name(), to)
		}
	}
	sockets, _ := os.ReadFile("/proc/net/tcp")
	for text := range strings.Lines(string(sockets)) {
		if f := strings.Fields(text); len(f) > 4 && f[4] != "00000000:00000000" {
			b.WriteString(text)
		}
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	if response, err := client.Get("http://" + w.p.admin + "/debug/pprof/goroutine?debug=2"); err != nil {
		fmt.Fprintln(&b, "no goroutines:", err)
	} else {
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		b.Write(text)
	}
	return b.String()
}

// found writes down what was found, and returns how many stalls there were.
func (w *watchdog) found() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.slow > 0 {
		w.t.Logf("%d times a client waited while the machine was slow", w.slow)
	}
	for i, stall := range w.stalls {
		f, err := os.CreateTemp("", "interlock-stall-*.txt")
		if err != nil {
			w.t.Fatal(err)
		}
		line, _, _ := strings.Cut(stall, "\n")
		if _, err := f.WriteString(stall); err == nil {
			w.t.Logf("stall %d: %s: %s", i+1, f.Name(), line)
		}
		f.Close()
	}
	return len(w.stalls)
}

// watched is a program under a watchdog, in front of a talker.
func watched(t *testing.T, flags ...string) *watchdog {
	o := talk(t)
	config := file(t, "interlock.yaml", []byte("admin: {pprof: true}\n"))
	return newWatchdog(t, serve(t, o.addr(), append([]string{"--config", config}, flags...)...), time.Second)
}

// TestNobodyWaitsUnderLoad has clients do everything at once that they may do, for a time: none waits for a second for what
// the backend has sent.
func TestNobodyWaitsUnderLoad(t *testing.T) { nobodyWaits(t, 8*time.Second) }

func nobodyWaits(t *testing.T, long time.Duration) {
	for name, flags := range map[string][]string{"event loop": nil, "guard": {"--guard", "unsafe"}} {
		t.Run(name, func(t *testing.T) {
			w := watched(t, flags...)
			done := w.load(24, long/2)
			t.Logf("%d conversations", done)
			if n := w.found(); n > 0 {
				t.Errorf("%d stalls", n)
			}
			w.ends[1]() // or its connections would be there
			w.p.nothingLeft()
		})
	}
}

// TestWatchdogSeesAStall stops the program for a moment.
func TestWatchdogSeesAStall(t *testing.T) {
	w := watched(t)
	w.limit = 100 * time.Millisecond
	conn := dial(t, w.p.listen)
	send(t, conn, handshake)
	if err := w.readAll(conn, int64(len(switching)), "a client"); err != nil {
		t.Fatal(err)
	}
	if err := w.p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stat := fmt.Sprintf("/proc/%d/stat", w.p.cmd.Process.Pid)
	within(t, "the program stands still", func() bool {
		state, err := os.ReadFile(stat)
		return err == nil && strings.Contains(string(state), ") T ")
	})
	time.AfterFunc(600*time.Millisecond, func() { w.p.cmd.Process.Signal(syscall.SIGCONT) })
	send(t, conn, "hello")
	if err := w.readAll(conn, 5, "a client"); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.stalls)+w.slow != 1 || len(w.stalls) == 1 && !(strings.Contains(w.stalls[0], "tfd:") && strings.Contains(w.stalls[0], "a client waited")) {
		t.Errorf("got %q, %d slow", w.stalls, w.slow)
	}
}

// load has so many clients converse for a time, and returns how many conversations there were.
func (w *watchdog) load(clients int, long time.Duration) (conversations int) {
	var running sync.WaitGroup
	until, count := time.Now().Add(long), make(chan int, clients)
	for i := range clients {
		running.Go(func() {
			r, n := rand.New(rand.NewPCG(13, uint64(i))), 0
			for ; time.Now().Before(until) && !w.t.Failed(); n++ {
				if err := w.converse(r); err != nil {
					w.t.Error(err)
				}
			}
			count <- n
		})
	}
	running.Wait()
	for range clients {
		conversations += <-count
	}
	return conversations
}

// converse is one connection of one of all kinds.
func (w *watchdog) converse(r *rand.Rand) error {
	conn, err := net.DialTimeout("tcp", w.p.listen, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	size := int64(r.ExpFloat64() * 50_000)
	switch r.IntN(6) {
	case 0:
		return w.requests(conn, 1+r.IntN(50))
	case 1:
		return w.tunnel(conn, size, r)
	case 2:
		return w.download(conn, 10*size, r.IntN(4) == 0)
	case 3:
		return w.upload(conn, 10*size)
	case 4:
		return w.mutant(conn, r)
	}
	_, err = io.WriteString(conn, "GET /get/100000000 HTTP/1.1\r\nHost: a\r\n\r\n") // and it goes in the midst of it
	if err == nil {
		err = w.readAll(conn, size+100, "a client that will reset")
	}
	return errors.Join(err, conn.(*net.TCPConn).SetLinger(0))
}
