//go:build e2e

package e2e

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	gorilla "github.com/gorilla/websocket"
)

// TestRecordedMessagesAreSentAgain records a conversation with npm's ws, and sends it again to the same
// server and to one that answers otherwise.
func TestRecordedMessagesAreSentAgain(t *testing.T) {
	t.Parallel()
	backend, store := nodeServer(t), filepath.Join(t.TempDir(), "store.db")
	p := serve(t, backend, "--frames", "messages", "--store", store, "--config", file(t, "interlock.yaml", []byte("evidence: {keep: full}\n")))
	dialer := gorilla.Dialer{HandshakeTimeout: patience, EnableCompression: true}
	conn, _, err := dialer.DialContext(t.Context(), "ws://"+p.listen+"/talk", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first", "grüße", strings.Repeat("long ", 500)} {
		if err := conn.WriteMessage(gorilla.TextMessage, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := conn.ReadMessage(); err != nil || string(got) != text {
			t.Fatalf("got %.40q, %v", got, err)
		}
	}
	conn.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(1000, "bye"))
	conn.ReadMessage() // the server's close frame
	conn.Close()
	id := p.message(t, "tunnel closed").Exchange
	p.stop()

	again := func(args ...string) result {
		return run(t, "interlock", append([]string{"replay", id, "--frames", "--store", store}, args...)...)
	}
	if got := again("--backend", "http://"+backend); got.status != 0 || !strings.Contains(got.stdout, "nothing differs") {
		t.Errorf("the same server: %+v", got)
	}
	other := loud(t)
	got := again("--backend", "http://"+other)
	if !strings.Contains(got.stdout, "message 1 text of 5 bytes, and now text of 5 bytes") || strings.Contains(got.stdout, "FIRST") {
		t.Errorf("another server: %+v", got)
	}
	if shown := again("--backend", "http://"+other, "--config", file(t, "full.yaml", []byte("evidence: {keep: full}\n"))); !strings.Contains(shown.stdout, `message 1 text of 5 bytes "first", and now text of 5 bytes "FIRST"`) {
		t.Errorf("another server, with evidence.keep: full: %+v", shown)
	}
}

// loud echoes in upper case, and returns its address.
func loud(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		conn, err := new(gorilla.Upgrader).Upgrade(w, q, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			kind, text, err := conn.ReadMessage() // answers a close frame
			if err != nil || conn.WriteMessage(kind, []byte(strings.ToUpper(string(text)))) != nil {
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// TestShapesAreNotSentAgain says how to record a tunnel that can be sent again.
func TestShapesAreNotSentAgain(t *testing.T) {
	t.Parallel()
	backend, store := nodeServer(t), filepath.Join(t.TempDir(), "store.db")
	p := serve(t, backend, "--frames", "messages", "--store", store)
	conn, _, err := gorilla.DefaultDialer.DialContext(t.Context(), "ws://"+p.listen+"/talk", nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.WriteMessage(gorilla.TextMessage, []byte("hello"))
	conn.ReadMessage()
	conn.Close()
	id := p.message(t, "tunnel closed").Exchange
	p.stop()
	got := run(t, "interlock", "replay", id, "--frames", "--store", store, "--backend", "http://"+backend)
	if got.status != 2 || strings.Count(got.stderr, "\n") != 1 || !strings.Contains(got.stderr, "record the tunnel with frames: messages and evidence.keep: full") {
		t.Errorf("%+v", got)
	}
}
