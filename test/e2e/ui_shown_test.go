//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
)

// shown is an Interlock with a history of live traffic, for tests of its pages.
type shown struct {
	*process
	t      testing.TB
	config string // path of its configuration
}

// ownConfig is a configuration file with content of the user's own.
const ownConfig = "# mine\naccept: []\n"

// show starts Interlock in front of a backend that accepts any method. Clients make valid and
// malformed handshakes through it.
func show(t testing.TB, flags ...string) *shown {
	t.Helper()
	s := &shown{t: t, config: file(t, "interlock.yaml", []byte(ownConfig))}
	s.process = serve(t, labServer(t, "any-method"), append(flags, "--config", s.config)...)
	s.connect("/chat?room=1")
	s.post()
	s.stored(2)
	return s
}

// stored waits until the store has so many exchanges. They are logged before.
func (s *shown) stored(number int) {
	s.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		var list struct{ Exchanges []struct{} }
		if err := json.Unmarshal(get(s.t, s.process, "/api/v1/exchanges"), &list); err != nil {
			s.t.Fatal(err)
		}
		if len(list.Exchanges) >= number {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("got %d exchanges in the store, want %d", len(list.Exchanges), number)
		}
	}
}

// strip has a client make a handshake that lost its offer on the way, and returns when that is known.
func (s *shown) strip(target string) {
	s.t.Helper()
	conn := dial(s.t, s.listen)
	defer conn.Close()
	send(s.t, conn, "GET "+target+" HTTP/1.1\r\nHost: "+s.listen+"\r\nX-Forwarded-For: 192.0.2.7\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	expect(s.t, conn, "HTTP/1.1 ")
	if line := s.exchange(s.t, target); !strings.Contains(line.text, `"diagnoses":["stripped-upgrade"],"why":"`) {
		s.t.Errorf("the log does not explain it: %s", line.text)
	}
}

// connect has a client connect, send a message and leave. It returns when the exchange is logged.
func (s *shown) connect(target string) {
	s.t.Helper()
	conn, response, err := gorilla.DefaultDialer.DialContext(s.t.Context(), "ws://"+s.listen+target, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	response.Body.Close()
	if err := conn.WriteMessage(gorilla.TextMessage, []byte("hello")); err != nil {
		s.t.Error(err)
	}
	if _, _, err := conn.ReadMessage(); err != nil {
		s.t.Error(err)
	}
	conn.Close()
	s.exchange(s.t, target)
}

// post has a client make a handshake by POST, which the backend wrongly accepts.
func (s *shown) post() {
	s.t.Helper()
	conn := dial(s.t, s.listen)
	defer conn.Close()
	send(s.t, conn, "POST /chat HTTP/1.1\r\nHost: "+s.listen+"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	expect(s.t, conn, "HTTP/1.1 101 ")
	s.message(s.t, "unsafe switch")
}
