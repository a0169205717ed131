//go:build e2e && linux

package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"
)

// TestFewDescriptors fills an Interlock that may open few files with busy tunnels. The admin
// address still answers, further connections wait, and no error about missing descriptors reaches a
// client or the log.
func TestFewDescriptors(t *testing.T) {
	for descriptors, room := range map[int]int{200: 16, 300: 22, 1024: 384} {
		t.Run(fmt.Sprint(descriptors), func(t *testing.T) {
			t.Parallel()
			p := serveBy(t, []string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$@"`, descriptors), "sh"}, talk(t).addr())
			const waiting = 10
			var conns []net.Conn
			for range room + waiting {
				conn := dial(t, p.listen)
				send(t, conn, handshake)
				conns = append(conns, conn)
			}
			p.message(t, "connection limit reached")
			var running sync.WaitGroup
			for _, conn := range conns[:room] {
				expect(t, conn, switching)
				running.Go(func() {
					if err := echo(conn, 2<<20); err != nil {
						t.Error(err)
					}
				})
			}
			for range 20 {
				for _, path := range []string{"/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/findings"} {
					if status, err := fetchNew("http://" + p.admin + path); status != http.StatusOK || err != nil {
						t.Errorf("%s: got %d, %v", path, status, err)
					}
				}
			}
			running.Wait()
			for _, conn := range conns[:room] {
				conn.Close()
			}
			for _, conn := range conns[room:] {
				expect(t, conn, switching)
				conn.Close()
			}
			p.nothingLeft()
			p.stop()
			for _, message := range []string{"cannot accept", "answered in place of the backend"} {
				if l, found, _, _ := p.find(func(l line) bool { return l.Message == message }); found {
					t.Errorf("got %s", l.text)
				}
			}
		})
	}
}

// fetchNew makes one request on a new connection.
func fetchNew(url string) (status int, err error) {
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport, Timeout: patience}).Get(url)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, errors.Join(err, response.Body.Close())
}

// echo requests size bytes and reads them back.
func echo(conn net.Conn, size int64) error {
	sent := make(chan error, 1)
	go func() {
		if n := writeZeros(conn, size); n != size {
			sent <- fmt.Errorf("sent %d bytes, want %d", n, size)
			return
		}
		sent <- nil
	}()
	_, err := io.CopyN(io.Discard, conn, size)
	return errors.Join(err, <-sent)
}

// TestHalfHeadsAtTheGuard opens many connections that each send half a head to an Interlock with
// the guard on. Other clients are served meanwhile. After the timeout all of these connections are
// closed and released.
func TestHalfHeadsAtTheGuard(t *testing.T) { halfHeadsAtTheGuard(t, 2_000) }

func halfHeadsAtTheGuard(t *testing.T, halfHeads int) {
	o := startOrigin(t)
	config := file(t, "interlock.yaml", []byte("guard: unsafe\nlimits: {head: 3s}\n"))
	p := serve(t, o.addr(), "--config", config)
	before := p.resident()
	var conns []net.Conn
	for range halfHeads {
		conn := dial(t, p.listen)
		send(t, conn, handshake[:len(handshake)/2])
		conns = append(conns, conn)
		if len(conns)%(halfHeads/20) == 0 {
			began := time.Now()
			other := dial(t, p.listen)
			send(t, other, handshake)
			expect(t, other, switching)
			other.Close()
			if status, err := fetchNew("http://" + p.admin + "/healthz"); status != http.StatusOK || err != nil {
				t.Errorf("got %d, %v", status, err)
			}
			if took := time.Since(began); took > patience/2 {
				t.Errorf("with %d half heads open, another client waited %v", len(conns), took)
			}
		}
	}
	each := (p.resident() - before) * 1024 / halfHeads
	t.Logf("%d half heads, %d bytes of resident memory each", halfHeads, each)
	if each > 64<<10 {
		t.Errorf("each takes %d bytes, want at most 64 KiB", each)
	}
	for _, conn := range conns {
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("one of them is still there")
		}
		conn.Close()
	}
	p.nothingLeft()
}
