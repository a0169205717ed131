//go:build e2e

package e2e

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// readHead reads up to an empty line.
func readHead(in *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := in.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			return head.String(), err
		}
	}
}

func freshKey() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}

// keyed is a backend that records the raw heads of each handshake by its key.
type keyed struct {
	*backend
	running sync.WaitGroup
	mu      sync.Mutex
	heads   map[string]seenHead
}

func newKeyed(t testing.TB) *keyed {
	k := &keyed{backend: listen(t), heads: map[string]seenHead{}}
	k.running.Go(func() {
		for {
			conn, err := k.ln.Accept()
			if err != nil {
				return
			}
			k.running.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				k.serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		k.ln.Close()
		k.running.Wait()
	})
	return k
}

func (k *keyed) head(key string) (seenHead, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h, ok := k.heads[key]
	return h, ok
}

// serve answers requests until the connection ends: /chat with a 101 and an echo, /denied with a 403,
// and others with a 200.
func (k *keyed) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		request, err := readHead(in)
		if err != nil {
			return
		}
		key, response := headersOf(request)["sec-websocket-key"], answer
		switched := strings.HasPrefix(request, "GET /chat")
		switch {
		case switched:
			sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
			response = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Backend: keyed\r\nSec-WebSocket-Accept: " +
				base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
		case strings.HasPrefix(request, "GET /denied"):
			response = "HTTP/1.1 403 Forbidden\r\nX-Backend: keyed\r\nContent-Length: 0\r\n\r\n"
		}
		if key != "" {
			k.mu.Lock()
			k.heads[key] = seenHead{request, response}
			k.mu.Unlock()
		}
		if _, err := io.WriteString(conn, response); err != nil {
			return
		}
		if switched {
			io.Copy(echoOf(conn), in)
			return
		}
	}
}

// echoOf returns a writer that answers every text frame of five zero-masked bytes with its echo.
func echoOf(conn net.Conn) io.Writer { return &echoing5{conn: conn} }

type echoing5 struct {
	conn net.Conn
	got  []byte
}

func (e *echoing5) Write(b []byte) (int, error) {
	e.got = append(e.got, b...)
	for len(e.got) >= len(echoFrame) {
		e.got = e.got[len(echoFrame):]
		if _, err := io.WriteString(e.conn, echoed5); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}
