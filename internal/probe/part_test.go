package probe

import (
	"context"
	"io"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// TestAnswersAreReadToTheirEnd checks that a server that sends the body a moment after the head
// never gets a reset, whatever framing the body has.
func TestAnswersAreReadToTheirEnd(t *testing.T) {
	const head = "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n"
	for name, pieces := range map[string][]string{
		"a length":         {head + "Content-Length: 6\r\n\r\n", "abc", "def"},
		"chunks":           {head + "Transfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n", "0\r\n\r\n"},
		"the end":          {head + "Connection: close\r\n\r\n", "abc", "def"},
		"a whole answer":   {head + "Content-Length: 3\r\n\r\nabc"},
		"a body, unframed": {"<html>", "<p>hello", "</html>"},
		"a switch":         {switching(""), "\x81\x02hi", "\x81\x02hi"},
		"nothing at first": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var resets atomic.Int32
			b := serve(t, func(c *guest) {
				for _, piece := range pieces {
					c.send(piece)
					time.Sleep(5 * time.Millisecond) // the late body is the point of this test
				}
				if name == "nothing at first" {
					c.br.ReadByte() // until the client closes
					c.send(refusal)
				}
				ended := c.CloseWrite()
				_, err := io.Copy(io.Discard, c.br)
				if ended != nil || err != nil || broken(t, c) {
					resets.Add(1)
				}
			})
			for range 10 {
				once(t, b.target(), flaw("X"), Settings{Head: 50 * time.Millisecond, Tail: 20 * time.Millisecond})
			}
			b.Close()
			b.serving.Wait()
			if n := resets.Load(); n > 0 {
				t.Errorf("got %d resets from 10 probes, want none", n)
			}
		})
	}
}

// broken reports whether a reset is pending on the connection of a guest.
func broken(t *testing.T, c *guest) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		t.Error(err)
		return false
	}
	pending := 0
	if raw.Control(func(fd uintptr) { pending, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR) }) != nil || err != nil {
		t.Error(err)
	}
	return pending != 0
}

// TestAnAnswerThatDoesNotEndIsLeft checks that reading a response is bounded by time and by size.
func TestAnAnswerThatDoesNotEndIsLeft(t *testing.T) {
	for name, flood := range map[string]bool{"no end": false, "a flood": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := serve(t, func(c *guest) {
				c.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 1000000000\r\n\r\n")
				for chunk := make([]byte, 16<<10); flood; {
					if _, err := c.Write(chunk); err != nil {
						return
					}
				}
				io.Copy(io.Discard, c.br)
			})
			l, _, err := probed(context.Background(), t, b.target(), Settings{Concurrency: 2}, flaws("X", "Y"))
			if err != nil || l.by["X"].Outcome != wire.Refused {
				t.Errorf("got %v, %+v", err, l.by["X"])
			}
		})
	}
}
