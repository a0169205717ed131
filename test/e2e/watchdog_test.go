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

// A watchdog looks for clients that wait without a reason, and records what the program does then.
// To tell a slow machine from a sleeping program it measures the round trip of a byte through another
// process, requests to the admin address, and how long the program was ready to run but not running.
type watchdog struct {
	t     *testing.T
	p     *process
	limit time.Duration

	ends [2]func() // stop the pulses

	mu     sync.Mutex
	pulses [2][]pulse // through another process, and at the admin address
	stalls []string
	slow   int // waits while the machine was slow
}

// A pulse is one round trip.
type pulse struct {
	sent    time.Time
	took    time.Duration // 0 while it is under way
	starved time.Duration // the program's total time ready but not running, when the pulse was sent
}

// newWatchdog starts the pulses.
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

// read reads data that must arrive at once.
func (w *watchdog) read(conn net.Conn, b []byte, what string) (n int, err error) {
	err = w.wait(conn.SetReadDeadline, what, func() (err error) {
		n, err = conn.Read(b)
		return err
	})
	return n, err
}

// wait runs do, which must succeed within the limit. After the deadline it records the stall and
// runs do again.
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

// write writes size bytes in pieces; the peer must take each piece at once.
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

// readAll reads n bytes, or to EOF if n is negative.
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

// state describes what the program is doing: what its event loops wait for, what the socket queues
// hold, and all goroutines.
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

// found writes the recorded stalls to a file and returns how many there were.
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

// watched starts a program under a watchdog, in front of a talker.
func watched(t *testing.T, flags ...string) *watchdog {
	o := talk(t)
	config := file(t, "interlock.yaml", []byte("admin: {pprof: true}\n"))
	return newWatchdog(t, serve(t, o.addr(), append([]string{"--config", config}, flags...)...), time.Second)
}

// TestClientsDoNotWaitUnderLoad runs all kinds of conversations at once for a time. No client waits
// a second for data that the backend has sent.
func TestClientsDoNotWaitUnderLoad(t *testing.T) { clientsDoNotWait(t, 8*time.Second) }

func clientsDoNotWait(t *testing.T, long time.Duration) {
	for name, flags := range map[string][]string{"event loop": nil, "guard": {"--guard", "unsafe"}} {
		t.Run(name, func(t *testing.T) {
			w := watched(t, flags...)
			done := w.load(24, long/2)
			t.Logf("%d conversations", done)
			if n := w.found(); n > 0 {
				t.Errorf("%d stalls", n)
			}
			w.ends[1]() // closes the connections of the pulse, which would be counted
			w.p.nothingLeft()
		})
	}
}

// TestWatchdogSeesAStall stops the program for a moment and expects a recorded stall.
func TestWatchdogSeesAStall(t *testing.T) {
	w := watched(t)
	w.limit = 100 * time.Millisecond
	conn := dial(t, w.p.listen)
	send(t, conn, handshake)
	expect(t, conn, switching)
	if err := w.p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stat := fmt.Sprintf("/proc/%d/stat", w.p.cmd.Process.Pid)
	within(t, "the program stands still", func() bool {
		state, err := os.ReadFile(stat)
		return err == nil && strings.Contains(string(state), ") T ")
	})
	send(t, conn, "hello")
	reads := 0
	err := w.wait(conn.SetReadDeadline, "a client", func() error {
		reads++
		_, err := io.ReadFull(conn, make([]byte, 5))
		return errors.Join(err, w.p.cmd.Process.Signal(syscall.SIGCONT)) // once it has waited in vain
	})
	if err != nil || reads != 2 {
		t.Fatalf("got %v after %d reads", err, reads)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.stalls)+w.slow != 1 || len(w.stalls) == 1 && !(strings.Contains(w.stalls[0], "tfd:") && strings.Contains(w.stalls[0], "a client waited")) {
		t.Errorf("got %q, %d slow", w.stalls, w.slow)
	}
}

// load runs clients that converse for a time, and returns the number of conversations.
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

// converse makes one connection of a random kind.
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
	_, err = io.WriteString(conn, "GET /get/100000000 HTTP/1.1\r\nHost: a\r\n\r\n") // the client leaves in the middle of the response
	if err == nil {
		err = w.readAll(conn, size+100, "a client that will reset")
	}
	return errors.Join(err, conn.(*net.TCPConn).SetLinger(0))
}
