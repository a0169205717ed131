package why

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/interlock-proxy/interlock/internal/probe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A server decides about handshakes by their headers. It counts requests, and those that are there
// at the same time.
type server struct {
	t        *testing.T
	address  string
	listener net.Listener
	requests atomic.Int32
	busy     atomic.Int32
	most     atomic.Int32
}

// serve runs a server until the end of the test. Answer returns the status and the body of a
// response; it accepts a handshake with 101. The body of a 101 is sent in the tunnel, instead of
// pongs.
func serve(t *testing.T, answer func(q *http.Request) (status int, body string)) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, address: listener.Addr().String(), listener: listener}
	h := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			s.requests.Add(1)
			if n := s.busy.Add(1); n > s.most.Load() {
				s.most.Store(n)
			}
			status, body := answer(q)
			s.busy.Add(-1)
			if status == 101 {
				s.accept(w, q, body)
				return
			}
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			if name, value, ok := strings.Cut(body, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}),
	}
	go h.Serve(listener)
	t.Cleanup(func() { h.Close() })
	return s
}

// deaf has the server accept no more connections.
func (s *server) deaf() {
	if err := s.listener.Close(); err != nil {
		s.t.Error(err)
	}
}

// accept switches, and answers pings until the client closes.
func (s *server) accept(w http.ResponseWriter, q *http.Request, body string) {
	conn, b, err := w.(http.Hijacker).Hijack()
	if err != nil {
		s.t.Error(err)
		return
	}
	defer conn.Close()
	sum := sha1.Sum([]byte(q.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	head := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n"
	if p := q.Header.Get("Sec-WebSocket-Protocol"); p != "" {
		p, _, _ = strings.Cut(p, ",")
		head += "Sec-WebSocket-Protocol: " + p + "\r\n"
	}
	b.WriteString(head + "\r\n" + body)
	b.Flush()
	for body == "" {
		frame := make([]byte, 8) // of a ping or a close with two bytes
		for n := 0; n < len(frame); {
			m, err := b.Read(frame[n:])
			if err != nil {
				return
			}
			n += m
		}
		if frame[0] == 0x88 {
			b.WriteString("\x88\x02\x03\xe8")
			b.Flush()
			return
		}
		b.WriteString("\x8a\x02ok")
		b.Flush()
	}
}

// target is a URL of the server.
func (s *server) target(path string, fields ...string) Target {
	s.t.Helper()
	host, port, _ := net.SplitHostPort(s.address)
	t := Target{Scheme: "http", Host: s.address, Name: host, Port: port, Path: path, Shown: path}
	for _, f := range fields {
		one, err := probe.ParseField(f)
		if err != nil {
			s.t.Fatal(err)
		}
		t.Fields = append(t.Fields, one)
	}
	return t
}

// walk walks to a target, and logs the report if the test fails.
func walk(t *testing.T, target Target) *Report {
	t.Helper()
	return walkWithin(t, 20*time.Second, target)
}

// walkWithin is walk with a shorter time for each step, for servers that do not answer.
func walkWithin(t *testing.T, step time.Duration, target Target) *Report {
	t.Helper()
	r := Walk(context.Background(), target, Settings{Timeout: step, UserAgent: "interlock-why/test"})
	t.Cleanup(func() {
		if t.Failed() {
			var b strings.Builder
			_ = r.JSON(&b)
			t.Log(b.String())
		}
	})
	return r
}
