package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/wire"
)

// descriptors returns the number of open descriptors. The runtime opens descriptors for its poller
// with the first socket and keeps them, so descriptors opens a socket before the first count.
func descriptors(t *testing.T) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// noDescriptorLeft waits until no more descriptors are open than before.
func noDescriptorLeft(t *testing.T, before int) {
	t.Helper()
	within(t, func() bool { return descriptors(t) <= before }, func() string {
		return fmt.Sprintf("%d descriptors are still open", descriptors(t)-before)
	})
}

// goroutinesAtMost waits until at most that many goroutines are running.
func goroutinesAtMost(t *testing.T, most int) {
	t.Helper()
	within(t, func() bool { return runtime.NumGoroutine() <= most }, func() string {
		stacks := make([]byte, 1<<20)
		return fmt.Sprintf("%d goroutines, want at most %d\n%s", runtime.NumGoroutine(), most, stacks[:runtime.Stack(stacks, true)])
	})
}

func TestTunnelsLeaveNothingBehind(t *testing.T) {
	for name, driver := range map[string]func(*Relay){"": nil, "faults": drivers["faults"]} {
		t.Run(name, func(t *testing.T) {
			const tunnels = 200
			before := descriptors(t)
			r := relay(t, driver)
			goroutines := runtime.NumGoroutine()
			var clients, backends []*net.TCPConn
			for range tunnels {
				client, backend := r.switchedOver()
				send(t, client, "to the backend")
				expect(t, backend, "to the backend")
				send(t, backend, "to the client")
				expect(t, client, "to the client")
				clients, backends = append(clients, client), append(backends, backend)
			}
			goroutinesAtMost(t, goroutines+tunnels/10)
			for i := range clients {
				clients[i].Close()
				expectEnd(t, backends[i], "")
				backends[i].Close()
			}
			for _, x := range r.await("the ends", func(all []*wire.Exchange) bool {
				over := 0
				for _, x := range all {
					if x.Final {
						over++
					}
				}
				return over == tunnels
			}) {
				if x.After.ClientBytes != int64(len("to the backend")) || x.After.ServerBytes != int64(len("to the client")) || x.Cause != wire.CauseClient {
					t.Errorf("counted %d and %d, %s", x.After.ClientBytes, x.After.ServerBytes, x.Cause)
				}
			}
			r.end()
			r.backend.Close()
			noDescriptorLeft(t, before)
		})
	}
}

func TestBlockedConnectionWaits(t *testing.T) {
	var written, refused atomic.Int64
	r := relay(t, func(r *Relay) {
		system := calls{}.withDefaults()
		r.hooks.calls.write = func(l *loopConn, at wire.Direction, p []byte) (int, syscall.Errno) {
			n, errno := system.write(l, at, p)
			if errno == syscall.EAGAIN {
				refused.Add(1)
			} else {
				written.Add(1)
			}
			return n, errno
		}
	})
	client, backend := r.connected()
	const size = 16 << 20
	text := strings.Repeat("x", size)
	go func() {
		client.Write([]byte(text))
		client.CloseWrite()
	}()
	for written.Load() < 1 || refused.Load() < 1 {
		runtime.Gosched()
	}
	expectEnd(t, backend, text)
	if refused.Load() > written.Load() {
		t.Errorf("%d writes were refused and %d were not", refused.Load(), written.Load())
	}
}

func TestUrgentByteHoldsNothingUp(t *testing.T) {
	r := relay(t, nil)
	client, backend := r.switchedOver()
	raw, err := client.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		if err := syscall.Sendto(int(fd), []byte("before!"), syscall.MSG_OOB, nil); err != nil {
			t.Error(err)
		}
	})
	send(t, client, "behind")
	expect(t, backend, "beforebehind")
}

// TestUrgentByteHoldsNoBulkUp sends an urgent byte after so much data that it is spliced. A splice
// stops before an urgent byte and never continues.
func TestUrgentByteHoldsNoBulkUp(t *testing.T) {
	const more = "xyzbehind and more"
	for name, text := range map[string]string{"tunnel": bulk(8<<20, 3), "content": strings.TrimSuffix(page(bulk(8<<20, 3)+more), more)} {
		t.Run(name, func(t *testing.T) {
			var refused *atomic.Int64
			r := relay(t, func(r *Relay) { _, refused = spliced(r) })
			var client, backend *net.TCPConn
			if name == "tunnel" {
				client, backend = r.switchedOver()
			} else {
				client, backend = r.connected()
				send(t, client, plain)
				expect(t, backend, plain)
			}
			sent := make(chan error, 1)
			go func() {
				_, err := io.WriteString(backend, text)
				raw, _ := backend.SyscallConn()
				_ = raw.Control(func(fd uintptr) {
					err = errors.Join(err, syscall.Sendto(int(fd), []byte("xyz!"), syscall.MSG_OOB, nil), syscall.Sendto(int(fd), []byte("behind"), 0, nil))
				})
				sent <- err
			}()
			awaitFull(t, refused)
			expect(t, client, text)
			expect(t, client, "xyzbehind")
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestSocketsOfLoopsDoNotDelay checks that TCP_NODELAY is set from the second write on. Before that
// there is no unacknowledged data for which a byte could wait.
func TestSocketsOfLoopsDoNotDelay(t *testing.T) {
	var mu sync.Mutex
	sockets := map[int]bool{}
	r := relay(t, func(r *Relay) {
		system := calls{}.withDefaults()
		r.hooks.calls.write = func(l *loopConn, at wire.Direction, p []byte) (int, syscall.Errno) {
			mu.Lock()
			sockets[int(l.ends[at].fd)] = true
			mu.Unlock()
			return system.write(l, at, p)
		}
	})
	client, backend := r.connected()
	send(t, client, plain)
	expect(t, backend, plain)
	mu.Lock()
	defer mu.Unlock()
	if len(sockets) != 2 {
		t.Fatalf("sockets %v", sockets)
	}
	for fd := range sockets {
		for name, option := range map[string][2]int{"TCP_NODELAY": {syscall.IPPROTO_TCP, syscall.TCP_NODELAY}, "SO_KEEPALIVE": {syscall.SOL_SOCKET, syscall.SO_KEEPALIVE}} {
			if on, err := syscall.GetsockoptInt(fd, option[0], option[1]); on != 1 || err != nil {
				t.Errorf("socket %d: %s is %d, %v", fd, name, on, err)
			}
		}
	}
}

// TestNamesAndPathsAreLookedUp checks that an event loop connects by itself only to IP addresses.
func TestNamesAndPathsAreLookedUp(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "[::1]:80": true, "[::ffff:192.0.2.1]:80": true,
		"localhost:80": false, "unix:/run/backend.sock": false, "[fe80::1%eth0]:80": false, ":80": false,
		"0.0.0.0:80": false, "[::]:80": false,
	} {
		b := To(address)
		b.ready()
		if got := b.numeric != nil; got != want {
			t.Errorf("%s: got %v, want %v", address, got, want)
		}
	}
}

// TestTheNextConnectionGoesByTheRoutesThatAreSet checks that a change of routes also affects the
// next connection of an event loop that is already waiting for it.
func TestTheNextConnectionGoesByTheRoutesThatAreSet(t *testing.T) {
	r := relay(t, nil)
	r.connected() // after this the loops wait for the next connection
	edited := &Backend{Addresses: []string{r.Backend.String()}, Host: "backend.internal"}
	if err := r.Reroute(context.Background(), edited, nil, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		send(t, r.dial(), plain)
		expect(t, r.accept(), strings.Replace(plain, "staging.test", "backend.internal", 1))
	}
	if err := r.Reroute(context.Background(), To(r.Backend.String()), nil, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		send(t, r.dial(), plain)
		expect(t, r.accept(), plain)
	}
}

// TestSocketsThatCannotBeWatched checks that a connection that epoll rejects is released.
func TestSocketsThatCannotBeWatched(t *testing.T) {
	r := &Relay{Backend: To("127.0.0.1:1"), Log: zerolog.Nop()}
	r.start()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	var running sync.WaitGroup
	loops, err := startLoops(r, &running)
	if err != nil {
		t.Fatal(err)
	}
	defer loops.end()
	file, err := os.Open(os.DevNull) // epoll does not accept this file
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd, err := syscall.Dup(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	r.takeSlot(t.Context())
	peer := sockaddr{}
	peer.set(netip.MustParseAddrPort("127.0.0.1:2"))
	loops.begin(r, r.routes.Load(), &Listener{Listener: ln}, fd, &peer)
	running.Wait()
	if n := r.Open(); n != 0 {
		t.Errorf("%d connections are open", n)
	}
	if err := syscall.Close(fd); err != syscall.EBADF {
		t.Errorf("the descriptor is still open (%v)", err)
	}
}
