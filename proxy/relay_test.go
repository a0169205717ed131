package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

func TestPipelinedRequestsPass(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := relay(t, driver)
		client := r.dial()
		send(t, client, strings.Repeat(plain, 64))
		backend := r.accept()
		expect(t, backend, strings.Repeat(plain, 64))
		send(t, backend, strings.Repeat(answer, 64))
		expect(t, client, strings.Repeat(answer, 64))
		if n := r.Counts.Exchanges.Load(); n != 64 {
			t.Errorf("%d exchanges were counted", n)
		}
	})
}

func TestSwitchIsReported(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := relay(t, driver)
		client, backend := r.switchedOver()
		found := r.await("the head of the 101", func(f []*wire.Exchange) bool { return len(f) == 1 })
		if x := found[0]; x.Outcome != wire.Switched || x.Complete || x.Client != client.LocalAddr().String() || x.Backend != r.Backend.String() {
			t.Errorf("got %+v", x)
		}
		send(t, client, "\x81\x82\x00\x00\x00\x00hi")
		expect(t, backend, "\x81\x82\x00\x00\x00\x00hi")
		send(t, backend, "\x81\x02hi")
		expect(t, client, "\x81\x02hi")
		client.Close()
		expectEnd(t, backend, "")
		backend.Close()
		found = r.await("the end", func(f []*wire.Exchange) bool { return f[0].Final })
		x := found[0]
		if string(x.After.Client) != "\x81\x82\x00\x00\x00\x00hi" || string(x.After.Server) != "\x81\x02hi" ||
			x.After.ClientBytes != 8 || x.After.ServerBytes != 4 || x.Cause != wire.CauseClient || !x.After.ClientClosed {
			t.Errorf("got %+v", x)
		}
	})
}

// everyDriver runs a test for an exchange and for a tunnel, with every driver.
func everyDriver(t *testing.T, test func(t *testing.T, r *relayed, client, backend *net.TCPConn)) {
	carried := map[string]func(*Relay){"": nil}
	maps.Copy(carried, drivers)
	for name, driver := range carried {
		t.Run("exchange "+name, func(t *testing.T) {
			r := relay(t, driver)
			client, backend := r.connected()
			test(t, r, client, backend)
		})
		t.Run("tunnel "+name, func(t *testing.T) {
			r := relay(t, driver)
			client, backend := r.switchedOver()
			test(t, r, client, backend)
		})
	}
}

func TestHalfCloseIsPassedOn(t *testing.T) {
	everyDriver(t, func(t *testing.T, _ *relayed, client, backend *net.TCPConn) {
		send(t, client, "last words")
		client.CloseWrite()
		expectEnd(t, backend, "last words")
		go func() {
			io.WriteString(backend, strings.Repeat("late", 100_000))
			backend.CloseWrite()
		}()
		expectEnd(t, client, strings.Repeat("late", 100_000))
	})
}

func TestResetIsPassedOn(t *testing.T) {
	for _, first := range []string{"client", "backend"} {
		t.Run(first, func(t *testing.T) {
			everyDriver(t, func(t *testing.T, _ *relayed, client, backend *net.TCPConn) {
				breaks, feels := client, backend
				if first == "backend" {
					breaks, feels = backend, client
				}
				breaks.SetLinger(0)
				breaks.Close()
				if _, err := feels.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("got %v, want a reset", err)
				}
			})
		})
	}
}

func TestResetOfABlockedPeerIsPassedOn(t *testing.T) {
	for _, first := range []string{"client", "backend"} {
		t.Run(first, func(t *testing.T) {
			everyDriver(t, func(t *testing.T, _ *relayed, client, backend *net.TCPConn) {
				breaks, feels := client, backend
				if first == "backend" {
					breaks, feels = backend, client
				}
				feels.SetWriteDeadline(time.Now().Add(patience))
				go func() {
					time.Sleep(10 * time.Millisecond) // by then some bytes are buffered, whether or not the buffers are full
					breaks.SetLinger(0)
					breaks.Close()
				}()
				var err error
				for text := strings.Repeat("x", 1<<20); err == nil; {
					_, err = io.WriteString(feels, text)
				}
				if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
					t.Errorf("got %v, want a reset", err)
				}
				feels.Close()
			})
		})
	}
}

// TestBulkArrivesWhole sends enough data to be spliced in both directions at once, and ends one
// direction after the other.
func TestBulkArrivesWhole(t *testing.T) {
	everyDriver(t, func(t *testing.T, _ *relayed, client, backend *net.TCPConn) {
		up, down := bulk(4<<20, 1), bulk(4<<20, 7)
		got := make(chan string, 1)
		go func() {
			io.WriteString(client, up)
			client.CloseWrite()
		}()
		go func() {
			io.WriteString(backend, down)
			backend.CloseWrite()
		}()
		go func() {
			all, _ := io.ReadAll(backend)
			got <- string(all)
		}()
		expectEnd(t, client, down)
		if all := <-got; all != up {
			t.Errorf("the backend got %d bytes, not all of them as they were sent", len(all))
		}
	})
}

// bulk returns text whose period differs from the size of any buffer.
func bulk(size, seed int) string {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*seed + i/251)
	}
	return string(b)
}

func TestLargeContentIsRead(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := relay(t, driver)
		client, backend := r.connected()
		const size = 8 << 20
		head := fmt.Sprintf("POST / HTTP/1.1\r\nHost: staging.test\r\nContent-Length: %d\r\n\r\n", size)
		go io.WriteString(client, head+strings.Repeat("x", size)+plain)
		expect(t, backend, head+strings.Repeat("x", size)+plain)
		head = fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", size)
		go io.WriteString(backend, head+strings.Repeat("y", size)+answer)
		expect(t, client, head+strings.Repeat("y", size)+answer)
		if n := r.Counts.Exchanges.Load(); n != 3 {
			t.Errorf("%d exchanges were counted, want 3", n)
		}
	})
}

func TestEarlyAnswerPasses(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := relay(t, driver)
		client := r.dial()
		send(t, client, "POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nabc")
		backend := r.accept()
		expect(t, backend, "POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nabc")
		send(t, backend, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		backend.Close()
		expectEnd(t, client, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	})
}

func TestBackendDownIsAnsweredLocally(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := relay(t, func(r *Relay) { driver(r); r.Backend = down(t) })
		client := r.dial()
		send(t, client, handshake)
		response, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		want := "interlock: cannot reach backend \"" + r.Backend.String() + "\": connect: connection refused\n"
		if response.StatusCode != 502 || string(body) != want {
			t.Errorf("got %d %q, want 502 %q", response.StatusCode, body, want)
		}
		client.Close()
		x := r.await("the local answer", func(f []*wire.Exchange) bool { return len(f) == 1 })[0]
		if x.Outcome != wire.Local || x.Cause != wire.CauseDial || x.Response != nil || !x.Final {
			t.Errorf("got %+v", x)
		}
	})
}

// deaf returns the address of a listener with a full backlog, so that connects hang.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	full := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}
	dial(t, full.String())
	return full.String()
}

func TestBackendThatDoesNotConnectInTimeIs504(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		backend := deaf(t)
		r := relay(t, func(r *Relay) { driver(r); r.Backend, r.Limits.Dial = To(backend), 50*time.Millisecond })
		client := r.dial()
		send(t, client, plain)
		text, err := io.ReadAll(client)
		if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 504 Gateway Timeout\r\n") || !strings.Contains(string(text), `cannot reach backend "`+backend+`": no connection within 50ms`) {
			t.Errorf("got %q, %v", text, err)
		}
	})
}

func TestDrainDoesNotWaitForADial(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		backend := deaf(t)
		r := relay(t, func(r *Relay) {
			driver(r)
			r.Backend, r.Limits.Dial, r.Limits.Drain = To(backend), time.Hour, 50*time.Millisecond
		})
		client := r.dial()
		send(t, client, handshake)
		within(t, func() bool { return r.Backend.next.Load() > 0 }, func() string { return "the backend is not dialled" })
		r.end()
		if x := r.all(); len(x) != 1 || x[0].Cause != wire.CauseDrain {
			t.Errorf("got %+v", x)
		}
	})
}

func TestTLSToADeadBackendGetsNoText(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := relay(t, func(r *Relay) { driver(r); r.Backend = down(t) })
		client := r.dial()
		send(t, client, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
		expectEnd(t, client, "")
		if r.Counts.TLS.Load() != 1 {
			t.Error("the TLS record was not counted")
		}
	})
}

func TestTimeouts(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		for name, test := range map[string]struct {
			limits Limits
			sent   string
		}{
			"no byte":     {Limits{FirstByte: 50 * time.Millisecond}, ""},
			"half a head": {Limits{Head: 50 * time.Millisecond}, handshake[:40]},
		} {
			t.Run(name, func(t *testing.T) {
				r := relay(t, func(r *Relay) { driver(r); r.Limits = test.limits })
				client := r.dial()
				send(t, client, test.sent)
				if n, err := io.Copy(io.Discard, client); n > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("got %d bytes, %v", n, err)
				}
			})
		}
		t.Run("half-closed", func(t *testing.T) {
			r := relay(t, func(r *Relay) { driver(r); r.Limits.HalfClosed = 50 * time.Millisecond })
			client, backend := r.connected()
			client.CloseWrite()
			expectEnd(t, backend, "")
			if n, err := io.Copy(io.Discard, client); n > 0 || err != nil {
				t.Errorf("got %d bytes, %v", n, err)
			}
		})
	})
}

func TestBackendThatIsTheListenerIsRefused(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "localhost", "0.0.0.0", "::"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		r := Relay{Backend: To(net.JoinHostPort(host, port))}
		if err := r.Serve(context.Background(), ln); err == nil || !strings.Contains(err.Error(), "is the listener") {
			t.Errorf("%s: got %v", host, err)
		}
	}
}

func TestLoopIsBroken(t *testing.T) {
	// The relay's backend is a forwarder that leads back to the relay.
	r := relay(t, nil)
	client := r.dial()
	send(t, client, plain)
	first := r.accept()
	back := dial(t, r.addr)
	// The forwarder's connection does not come from the relay itself, so the relay does not see
	// this loop.
	expect(t, first, plain)
	back.Close()
	first.Close()

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	loop := &Relay{Backend: To(other.Addr().String())}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- loop.Serve(ctx, ln) }()
	// The same relay also serves the address of its backend, as may happen after a DNS change.
	go func() {
		loop.start()
		done <- loop.accept(ctx, other, func(c socket) { go newGoConn(loop, c).serve(ctx) })
	}()
	through := dial(t, ln.Addr().String())
	send(t, through, plain)
	expectLoop(t, through)
	stop()
	<-done
	<-done
}

// expectLoop expects the answer to a request that came back.
func expectLoop(t *testing.T, client net.Conn) {
	t.Helper()
	text, err := io.ReadAll(client)
	if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 502 Bad Gateway\r\n") || !strings.Contains(string(text), "comes from this proxy itself") {
		t.Errorf("got %q, %v", text, err)
	}
}

func listenLoopback(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// TestLoopThroughTheUnspecifiedAddressIsBroken uses backend addresses that turn into another
// address when they are connected.
func TestLoopThroughTheUnspecifiedAddressIsBroken(t *testing.T) {
	for _, host := range []string{"0.0.0.0", "::", "::ffff:127.0.0.1"} {
		r := relay(t, nil)
		_, port, err := net.SplitHostPort(r.addr)
		if err != nil {
			t.Fatal(err)
		}
		b := To(net.JoinHostPort(host, port))
		b.ready()
		r.routes.Store(newRouteTable(b, nil, nil))
		client := r.dial()
		send(t, client, plain)
		text, err := io.ReadAll(client)
		if err != nil || !strings.Contains(string(text), "comes from this proxy itself") {
			t.Errorf("%s: got %q, %v", host, text, err)
		}
		r.end()
	}
}

func TestConnectionLimitHoldsNewOnesBack(t *testing.T) {
	r := relay(t, func(r *Relay) { r.Limits.Connections = 1 })
	client, backend := r.connected()
	second := r.dial()
	send(t, second, plain)
	r.backend.(*net.TCPListener).SetDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := r.backend.Accept(); err == nil {
		t.Fatal("a second connection was let in")
	}
	client.Close()
	expectEnd(t, backend, "")
	backend.Close()
	expect(t, r.accept(), plain)
}

func TestDrain(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := relay(t, func(r *Relay) { driver(r); r.Limits.Drain = 2 * time.Second }) // within which all of the following happens
		resting, restingBackend := r.connected()
		busy, busyBackend := r.connected()
		send(t, busy, plain)
		expect(t, busyBackend, plain)
		tunnel, tunnelBackend := r.switchedOver()
		r.stop()
		expectEnd(t, resting, "")
		expectEnd(t, restingBackend, "")
		resting.Close()
		send(t, tunnel, "still open")
		expect(t, tunnelBackend, "still open")
		send(t, busyBackend, answer)
		expectEnd(t, busy, answer)
		busy.Close()
		r.end()
		io.Copy(io.Discard, tunnel)
		found := r.all()
		if x := found[0]; !x.Final || x.Cause != wire.CauseDrain {
			t.Errorf("the tunnel ended as %+v", x)
		}
	})
}

func TestBulkPassesThroughTunnelsWhole(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := relay(t, driver)
		client, backend := r.switchedOver()
		const size = 32 << 20
		pattern := strings.Repeat("0123456789abcdef", 4096)
		for name, ends := range map[string][2]*net.TCPConn{"up": {client, backend}, "down": {backend, client}} {
			go func() {
				for sent := 0; sent < size; sent += len(pattern) {
					io.WriteString(ends[0], pattern)
				}
			}()
			buffer := make([]byte, len(pattern))
			for got := 0; got < size; got += len(pattern) {
				if _, err := io.ReadFull(ends[1], buffer); err != nil || string(buffer) != pattern {
					t.Fatalf("%s: after %d bytes: %v", name, got, err)
				}
			}
			send(t, ends[0], "after the pause")
			expect(t, ends[1], "after the pause")
		}
		time.Sleep(2 * spliceWait) // spliced bytes are not inspected; later ones are
		send(t, backend, "HTTP/1.1 502 Bad Gateway\r\n")
		expect(t, client, "HTTP/1.1 502 Bad Gateway\r\n")
		client.Close()
		expectEnd(t, backend, "")
		backend.Close()
		x := r.await("the end", func(f []*wire.Exchange) bool { return f[0].Final })[0]
		if string(x.After.Last) != "HTTP/1.1 502 Bad Gateway\r\n" {
			t.Errorf("last came %q", x.After.Last)
		}
		x.After.ServerBytes -= int64(len(x.After.Last))
		want := int64(size + len("after the pause"))
		if x.After.ClientBytes != want || x.After.ServerBytes != want {
			t.Errorf("counted %d and %d, want %d", x.After.ClientBytes, x.After.ServerBytes, want)
		}
	})
}

func TestHostIsRewritten(t *testing.T) {
	onBothDrivers(t, func(t *testing.T, driver func(*Relay)) {
		r := relay(t, func(r *Relay) { driver(r); r.Backend.Host = "backend.internal" })
		client := r.dial()
		send(t, client, plain+strings.Replace(handshake, "staging.test", "a", 1)+plain)
		backend := r.accept()
		edited := func(s string) string { return strings.Replace(s, "staging.test", "backend.internal", 1) }
		expect(t, backend, edited(plain)+edited(handshake)+plain) // after an offer the relay does not know whether a tunnel follows, so it changes nothing
		send(t, backend, answer+strings.Replace(answer, "200 OK", "400 No", 1)+answer)
		expect(t, client, answer+strings.Replace(answer, "200 OK", "400 No", 1)+answer)
		for _, b := range []byte(plain) {
			send(t, client, string(b))
		}
		expect(t, backend, edited(plain))
		send(t, backend, answer)
		expect(t, client, answer)
		send(t, client, handshake)
		expect(t, backend, edited(handshake))
		send(t, backend, switching)
		expect(t, client, switching)
		send(t, client, plain)
		expect(t, backend, plain)
		client.Close()
		expectEnd(t, backend, "")
		backend.Close()
		found := r.await("the tunnel's end", func(f []*wire.Exchange) bool { return len(f) == 2 && f[1].Final })
		x := found[1]
		if string(x.Request.Raw) != handshake || x.Far == nil || string(x.Far.Raw) != edited(handshake) || len(x.Altered) != 1 || x.Altered[0] != "host" {
			t.Errorf("got %q, far %q, altered %q", x.Request.Raw, x.Far.Raw, x.Altered)
		}
		if x.After.ClientBytes != int64(len(plain)) {
			t.Errorf("%d tunnel bytes were counted, want %d", x.After.ClientBytes, len(plain))
		}
	})
}
