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

// byHand calls answer for each connection once the head of the request has arrived, which may take a
// second. With single, one goroutine serves all connections, and the answer may take no longer
// either; otherwise each connection has its own.
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
		if !single {
			conn.SetDeadline(time.Now().Add(patience))
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

// acceptable reports whether a head is a WebSocket handshake that a server may accept, apart from
// the headers in missing. It also returns the Sec-WebSocket-Accept value.
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

// TestARefusalWhoseBodyComesLaterGetsNoReset has a server send the head of each rejection at once
// and the body 5 ms later. None of the probes may reset the connection. A rejection that a busy
// machine delayed by more than half of the time that a probe waits for the body says nothing.
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
		began := time.Now()
		_, err := io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n")
		time.Sleep(5 * time.Millisecond) // the delay under test
		_, failed := io.WriteString(conn, body)
		ended := conn.CloseWrite()
		took := time.Since(began)
		_, unread := io.Copy(io.Discard, br)
		if took > 50*time.Millisecond {
			return
		}
		refusals.Add(1)
		if err != nil || failed != nil || ended != nil || unread != nil || pending(t, conn) != 0 {
			resets.Add(1)
			t.Errorf("%q: got %v, %v, %v, %v, pending %d", head, err, failed, ended, unread, pending(t, conn))
		}
	})
	m := newMetronome(t)
	for deadline := time.Now().Add(patience); refusals.Load() < 100 && time.Now().Before(deadline); {
		if p := probe(t, "http://"+addr+"/"); !m.slow() && p.Endpoints[0].Degraded {
			t.Error("the report calls the backend degraded")
		}
	}
	if n, broken := refusals.Load(), resets.Load(); n < 100 || broken > 0 {
		t.Errorf("got %d resets at %d refusals, want none", broken, n)
	}
}

// pending returns the error that is pending on a socket.
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

// TestAnOverloadedServerGetsTheSameVerdictsEachTime probes a single-threaded server that takes 40
// ms for a complete request and a second for an incomplete one. The server accepts a POST, and a
// handshake whose body was not sent. Both failures are found, although most probes of a batch time
// out. Where the machine does not keep time, a verdict may be unclear, but no other.
func TestAnOverloadedServerGetsTheSameVerdictsEachTime(t *testing.T) {
	t.Parallel()
	addr := byHand(t, true, func(conn *net.TCPConn, br *bufio.Reader, head string) {
		time.Sleep(40 * time.Millisecond) // the time that the work takes
		accept, ok := acceptable(head, "method", "body")
		if !ok {
			io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			return
		}
		io.WriteString(conn, accept)
		io.ReadFull(br, make([]byte, 16)) // a ping and a text, or a second at most
		io.WriteString(conn, "\x8a\x02ok\x81\x02hi")
	})
	var before map[string]string
	m := newMetronome(t)
	for range few {
		m.slow()
		p := probe(t, "http://"+addr+"/", "--timeout", "300ms", "--only", "UPGRADE-POST,UPGRADE-BODY-WITHHELD,UPGRADE-WS-KEY-*,UPGRADE-BARE-LF*")
		slow := m.slow()
		for _, id := range []string{"UPGRADE-POST", "UPGRADE-BODY-WITHHELD"} {
			if got := p.of(id); (got.Verdict != "fail" || got.Status != 101) && !(slow && got.Verdict == "unclear") {
				t.Errorf("%s: got %+v, want a 101 that fails", id, got)
			}
		}
		if !strings.Contains(p.stderr, "load") || p.Endpoints[0].Gone != "" {
			t.Errorf("the output does not name load as a possible cause; gone %q\n%s", p.Endpoints[0].Gone, p.stderr)
		}
		before = steadyUnless(t, slow, before, p)
	}
}
