package proxy

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
	"github.com/interlock-proxy/interlock/wire/ws"
)

// post returns a request with that body.
func post(content string) string {
	return fmt.Sprintf("POST /items HTTP/1.1\r\nHost: staging.test\r\nContent-Length: %d\r\n\r\n%s", len(content), content)
}

// page returns a response with that body.
func page(content string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(content), content)
}

// spliced counts the bytes that event loops take from sockets by splice(2), and how often a socket
// is full.
func spliced(r *Relay) (taken, refused *atomic.Int64) {
	taken, refused = new(atomic.Int64), new(atomic.Int64)
	system := calls{}.withDefaults()
	r.hooks.calls.splice = func(l *loopConn, at wire.Direction, from, to int32, most int) (int, syscall.Errno) {
		n, errno := system.splice(l, at, from, to, most)
		switch fd := l.ends[at].fd; {
		case from == fd && errno == 0:
			taken.Add(int64(n))
		case to == fd && errno == syscall.EAGAIN:
			refused.Add(1)
		}
		return n, errno
	}
	r.hooks.calls.write = func(l *loopConn, at wire.Direction, p []byte) (int, syscall.Errno) {
		n, errno := system.write(l, at, p)
		if errno == syscall.EAGAIN { // a busy machine reads in small pieces, which are not spliced
			refused.Add(1)
		}
		return n, errno
	}
	return taken, refused
}

// awaitFull waits until a socket is full.
func awaitFull(t *testing.T, refused *atomic.Int64) {
	t.Helper()
	for deadline := time.Now().Add(patience); refused.Load() == 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("no socket is full")
		}
	}
}

// TestContentBetweenMessages sends requests and responses with large and small bodies without gaps.
// The relay must parse every message after a body; the last one switches.
func TestContentBetweenMessages(t *testing.T) {
	carried := map[string]func(*Relay){"": nil, "spliced": func(r *Relay) { spliced(r) }}
	maps.Copy(carried, drivers)
	for name, driver := range carried {
		t.Run(name, func(t *testing.T) {
			r := relay(t, driver)
			client, backend := r.connected()
			large, larger := bulk(spliceFrom+3*bufferSize+1, 3), bulk(1<<20, 5)
			up := post(large) + post("small") + post(larger) + handshake
			down := page(larger) + page("") + page(large) + switching
			sent := saying(client, up)
			expect(t, backend, up)
			answered := saying(backend, down)
			expect(t, client, down)
			send(t, client, "to the backend")
			expect(t, backend, "to the backend")
			if err := errors.Join(<-sent, <-answered); err != nil {
				t.Fatal(err)
			}
			client.Close()
			expectEnd(t, backend, "")
			backend.Close()
			x := r.await("the end of the tunnel", func(all []*wire.Exchange) bool { return len(all) == 1 && all[0].Final })[0]
			if x.Outcome != wire.Switched || string(x.Request.Raw) != handshake || x.After.ClientBytes != int64(len("to the backend")) || x.After.ServerBytes != 0 {
				t.Errorf("got %+v", x)
			}
			if n := r.Counts.Exchanges.Load(); n != 5 {
				t.Errorf("%d exchanges were counted, want 5", n)
			}
		})
	}
}

// TestKnownContentIsSpliced checks that most of a body of known length is spliced in both
// directions, and never a byte after it.
func TestKnownContentIsSpliced(t *testing.T) {
	var taken *atomic.Int64
	r := relay(t, func(r *Relay) { taken, _ = spliced(r) })
	client, backend := r.connected()
	const size = 4 << 20
	for _, ends := range [][2]*net.TCPConn{{client, backend}, {backend, client}} {
		before := taken.Load()
		text := post(bulk(size, 3)) + plain
		if ends[0] == backend {
			text = page(bulk(size, 3)) + answer
		}
		sent := saying(ends[0], text)
		expect(t, ends[1], text)
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if n := taken.Load() - before; n < size/2 || n > size {
			t.Errorf("%d of %d bytes were spliced", n, size)
		}
	}
	if n := r.Counts.Exchanges.Load(); n != 3 {
		t.Errorf("%d exchanges were counted, want 3", n)
	}
}

// TestLargeFramesAreSpliced checks that most of a large frame is spliced, and never a byte after it.
func TestLargeFramesAreSpliced(t *testing.T) {
	var taken *atomic.Int64
	r := relay(t, func(r *Relay) { taken, _ = spliced(r) })
	client, backend := r.switchedOver()
	for range 3 {
		text := sized(4<<20) + "\x89\x01a"
		answered := saying(backend, text)
		expect(t, client, text)
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
	}
	if n := taken.Load(); n < 6<<20 || n > 12<<20 {
		t.Errorf("%d bytes were spliced", n)
	}
	client.Close()
	expectEnd(t, backend, "")
	backend.Close()
	x := r.await("the end", func(all []*wire.Exchange) bool { return len(all) == 1 && all[0].Final })[0]
	if got := fmt.Sprint(x.After.Frames.Sides[ws.Server].Frames); got != fmt.Sprint([ws.Kinds]ws.Count{ws.Binary: {Frames: 3, Bytes: 12 << 20}, ws.Ping: {Frames: 3, Bytes: 3}}) {
		t.Error(got)
	}
}

// TestContentWaitsForASlowPeer has the peer read nothing until its socket is full, then everything.
func TestContentWaitsForASlowPeer(t *testing.T) {
	for _, from := range []string{"client", "backend"} {
		t.Run(from, func(t *testing.T) {
			var refused *atomic.Int64
			r := relay(t, func(r *Relay) { _, refused = spliced(r) })
			client, backend := r.connected()
			says, hears, text := client, backend, post(bulk(16<<20, 3))+plain
			if from == "backend" {
				send(t, client, plain+plain)
				expect(t, backend, plain+plain)
				says, hears, text = backend, client, page(bulk(16<<20, 3))+answer
			}
			sent := saying(says, text)
			awaitFull(t, refused)
			expect(t, hears, text)
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			send(t, says, "behind") // not valid HTTP, and relayed all the same
			expect(t, hears, "behind")
		})
	}
}

// TestContentThatBreaksOff ends either side, cleanly or by a reset, in the middle of a body in
// either direction. The offer that the body belongs to is reported once.
func TestContentThatBreaksOff(t *testing.T) {
	const size = 4 << 20
	for name, test := range map[string]struct {
		down, reset bool // down: the body is the response's; reset: it ends by a reset
		cause       wire.Cause
	}{
		"request, end":   {cause: wire.CauseClient},
		"request, reset": {reset: true, cause: wire.CauseClientReset},
		"answer, end":    {down: true, cause: wire.CauseServer},
		"answer, reset":  {down: true, reset: true, cause: wire.CauseServerReset},
	} {
		t.Run(name, func(t *testing.T) {
			var taken *atomic.Int64
			r := relay(t, func(r *Relay) { taken, _ = spliced(r) })
			client, backend := r.connected()
			offer := strings.Replace(handshake, "\r\n\r\n", fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n", 2*size), 1)
			if test.down {
				offer = handshake
			}
			send(t, client, offer)
			expect(t, backend, offer)
			says, hears, text := client, backend, bulk(size, 3)
			if test.down {
				says, hears, text = backend, client, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 2*size)+text
			}
			sent := saying(says, text)
			expect(t, hears, text)
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			if taken.Load() == 0 {
				t.Error("nothing was spliced")
			}
			if test.reset {
				says.SetLinger(0)
				says.Close()
				if _, err := hears.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("got %v, want a reset", err)
				}
			} else {
				says.CloseWrite()
				expectEnd(t, hears, "")
			}
			hears.Close()
			x := r.await("the offer", func(all []*wire.Exchange) bool { return len(all) == 1 && all[0].Final })[0]
			if !test.down && (x.Outcome != wire.Closed || x.Cause != test.cause) || test.down && x.Outcome != wire.Ignored {
				t.Errorf("got %s, %s", x.Outcome, x.Cause)
			}
		})
	}
}

// TestContentPassesAHalfClose has the client half-close after its body, and the server after its
// own.
func TestContentPassesAHalfClose(t *testing.T) {
	r := relay(t, func(r *Relay) { spliced(r) })
	client, backend := r.connected()
	up, down := post(bulk(4<<20, 3)), page(bulk(4<<20, 5))
	go func() {
		io.WriteString(client, up)
		client.CloseWrite()
	}()
	expectEnd(t, backend, up)
	go func() {
		io.WriteString(backend, down)
		backend.Close()
	}()
	expectEnd(t, client, down)
}

// TestDrainWaitsForContent checks that a draining connection ends after the last byte of the
// current response.
func TestDrainWaitsForContent(t *testing.T) {
	var taken *atomic.Int64
	var draining atomic.Bool
	r := relay(t, func(r *Relay) {
		taken, _ = spliced(r)
		system := calls{}.withDefaults()
		r.hooks.calls.write = func(l *loopConn, at wire.Direction, p []byte) (int, syscall.Errno) {
			draining.Store(draining.Load() || l.session.draining)
			return system.write(l, at, p)
		}
	})
	client, backend := r.connected()
	send(t, client, plain)
	expect(t, backend, plain)
	text := page(bulk(4<<20, 3))
	half := len(text) / 2
	sent := saying(backend, text[:half])
	expect(t, client, text[:half])
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if taken.Load() == 0 {
		t.Error("nothing was spliced")
	}
	r.stop()
	next := half
	within(t, func() bool { // byte by byte, until the loop knows about the drain
		send(t, backend, text[next:next+1])
		expect(t, client, text[next:next+1])
		next++
		return draining.Load()
	}, func() string { return "the connection is not drained" })
	sent = saying(backend, text[next:])
	expectEnd(t, client, text[next:])
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	client.Close()
	r.end()
}

// TestContentOfASwitchedRequestIsNoTunnel has a server switch before the request's body has
// arrived. The tunnel begins after the body, whatever its size.
func TestContentOfASwitchedRequestIsNoTunnel(t *testing.T) {
	for name, driver := range map[string]func(*Relay){"": nil, "goroutines": drivers["goroutines"]} {
		t.Run(name, func(t *testing.T) {
			r := relay(t, driver)
			client := r.dial()
			content := bulk(4<<20, 3)
			head := strings.Replace(handshake, "\r\n\r\n", fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n", len(content)), 1)
			send(t, client, head)
			backend := r.accept()
			expect(t, backend, head)
			half := len(content) / 2
			sent := saying(client, content[:half])
			expect(t, backend, content[:half])
			send(t, backend, switching)
			expect(t, client, switching)
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			sent = saying(client, content[half:]+"tunnel")
			expect(t, backend, content[half:]+"tunnel")
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			client.Close()
			expectEnd(t, backend, "")
			backend.Close()
			x := r.await("the end", func(all []*wire.Exchange) bool { return len(all) == 1 && all[0].Final })[0]
			if string(x.After.Client) != "tunnel" || x.After.ClientBytes != int64(len("tunnel")) {
				t.Errorf("got %q, %d bytes", x.After.Client, x.After.ClientBytes)
			}
		})
	}
}

// TestPipesGoWithTheLastConnection checks that a loop without connections has only the descriptors
// that it began with.
func TestPipesGoWithTheLastConnection(t *testing.T) {
	var taken *atomic.Int64
	r := relay(t, func(r *Relay) { taken, _ = spliced(r) })
	carry := func(content string) {
		client, backend := r.connected()
		sent := saying(client, post(content))
		expect(t, backend, post(content))
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		client.Close()
		expectEnd(t, backend, "")
		backend.Close()
		for deadline := time.Now().Add(patience); r.Open() > 0; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatal("the connection stays open")
			}
		}
	}
	carry("small")
	before := descriptors(t)
	carry(bulk(1<<20, 7))
	if taken.Load() == 0 {
		t.Fatal("nothing was spliced")
	}
	noDescriptorLeft(t, before)
}
