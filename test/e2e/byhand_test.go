//go:build e2e

package e2e

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// byHand answers each connection with what answer does once the head of the request is there, on a goroutine of its own, or on
// one for all of them.
func byHand(t *testing.T, single bool, answer func(conn *net.TCPConn, br *bufio.Reader, head string)) (addr string) {
	b := listen(t)
	var serving sync.WaitGroup
	one := func(conn *net.TCPConn) {
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(time.Second))
		br, head := bufio.NewReader(conn), ""
		for !strings.HasSuffix(head, "\r\n\r\n") {
			line, err := br.ReadString('\n')
			if head += line; err != nil {
				return
			}
		}
		answer(conn, br, head)
	}
	serving.Go(func() {
		for {
			conn, err := b.ln.AcceptTCP()
			if err != nil {
				return
			}
			if single {
				one(conn)
			} else {
				serving.Go(func() { one(conn) })
			}
		}
	})
	t.Cleanup(func() {
		b.ln.Close()
		serving.Wait()
	})
	return b.addr()
}

// acceptable reports whether a head is a WebSocket handshake that one may accept, but for what the test leaves out; accept is the
// answer to it.
func acceptable(head string, missing ...string) (accept string, ok bool) {
	q, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		return "", false
	}
	left := func(what string, is bool) bool {
		for _, m := range missing {
			is = is || m == what
		}
		return is
	}
	h := q.Header
	one := len(h.Values("Sec-WebSocket-Key")) == 1 && len(h.Values("Sec-WebSocket-Version")) == 1 && len(h.Values("Upgrade")) == 1
	key, err := base64.StdEncoding.DecodeString(h.Get("Sec-WebSocket-Key"))
	ok = left("method", q.Method == "GET") && strings.Contains(head, " HTTP/1.1\r\n") && one && err == nil && len(key) == 16 &&
		strings.EqualFold(h.Get("Upgrade"), "websocket") && strings.EqualFold(h.Get("Connection"), "Upgrade") && h.Get("Sec-WebSocket-Version") == "13" &&
		left("body", q.ContentLength == 0 && q.TransferEncoding == nil)
	sum := sha1.Sum([]byte(h.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n", ok
}

// TestARefusalWhoseBodyComesLaterGetsNoReset has a server send the head of each refusal, and the body 5 ms later: it gets not
// one reset from all the probes.
func TestARefusalWhoseBodyComesLaterGetsNoReset(t *testing.T) {
	t.Parallel()
	const body = "this is a WebSocket endpoint\n"
	var refusals, resets atomic.Int32
	addr := byHand(t, false, func(conn *net.TCPConn, br *bufio.Reader, head string) {
		if accept, ok := acceptable(head); ok {
			io.WriteString(conn, accept)
			io.Copy(io.Discard, br)
			return
		}
		refusals.Add(1)
		_, err := io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n")
		time.Sleep(5 * time.Millisecond) // this is what the test is about
		_, failed := io.WriteString(conn, body)
		ended := conn.CloseWrite()
		_, unread := io.Copy(io.Discard, br)
		if err != nil || failed != nil || ended != nil || unread != nil || pending(t, conn) != 0 {
			resets.Add(1)
			t.Errorf("%q: got %v, %v, %v, %v, pending %d", head, err, failed, ended, unread, pending(t, conn))
		}
	})
	p := probe(t, "http://"+addr+"/")
	if n, broken := refusals.Load(), resets.Load(); n < 100 || broken > 0 {
		t.Errorf("got %d resets at %d refusals, want none", broken, n)
	}
	if p.Endpoints[0].Degraded {
		t.Error("it is said to be worse than before")
	}
}

// pending is the error that a socket has and that nothing has told of yet.
func pending(t *testing.T, conn *net.TCPConn) (number int) {
	raw, err := conn.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { number, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR) })
	}
	if err != nil {
		t.Error(err)
	}
	return number
}

// TestAnOverloadedServerGetsTheSameVerdictsEachTime has a server with one thread that takes 40 ms for a request, and a second
// for one that does not come whole. It accepts a POST, and a handshake whose body was not sent: both are seen, although most
// probes of a wave get no answer in time.
func TestAnOverloadedServerGetsTheSameVerdictsEachTime(t *testing.T) {
	t.Parallel()
	addr := byHand(t, true, func(conn *net.TCPConn, br *bufio.Reader, head string) {
		time.Sleep(40 * time.Millisecond) // the work
		accept, ok := acceptable(head, "method", "body")
		if !ok {
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			return
		}
		io.WriteString(conn, accept)
		io.ReadFull(br, make([]byte, 16)) // a ping and a text; a second at most
		io.WriteString(conn, "\x8a\x02ok\x81\x02hi")
	})
	var before map[string]string
	for range few {
		p := probe(t, "http://"+addr+"/", "--timeout", "300ms", "--only", "UPGRADE-POST,UPGRADE-BODY-WITHHELD,UPGRADE-WS-KEY-*,UPGRADE-BARE-LF*")
		for _, id := range []string{"UPGRADE-POST", "UPGRADE-BODY-WITHHELD"} {
			if got := p.of(id); got.Verdict != "fail" || got.Status != 101 {
				t.Errorf("%s: got %+v, want a 101 that fails", id, got)
			}
		}
		if !strings.Contains(p.stderr, "load") || p.Endpoints[0].Gone != "" {
			t.Errorf("it is not said that load may be the cause; gone %q\n%s", p.Endpoints[0].Gone, p.stderr)
		}
		before = steady(t, before, p)
	}
}
