//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"
)

// A keptMessage is a message as rulings have it.
type keptMessage struct {
	From, Kind, Cut, Shape string
	Text                   *string
	Data                   []byte
	At                     float64
	Size, Sent, Frames     int64
	Compressed             bool
}

// conversation lets a client of npm's ws talk to a server of it through Interlock, in compressed
// messages that need those before them, and returns the messages that the store has, and the folder of
// the reports.
func conversation(t *testing.T, evidence string) (all []keptMessage, dir string) {
	dir = t.TempDir()
	store := filepath.Join(dir, "store.db")
	p := serve(t, nodeListens(t, "node/talk-server.mjs"), "--frames", "messages", "--store", store, "--config", file(t, "interlock.yaml", []byte("evidence: {keep: "+evidence+"}\n")))
	if got := succeed(t, program(t, "node", "nodejs"), "node/talk-client.mjs", "ws://"+p.listen+"/talk"); got.stdout != "ok\n" {
		t.Fatalf("got %q, want ok", got.stdout)
	}
	p.message(t, "tunnel closed")
	p.stop()
	succeed(t, "interlock", "report", "--store", store, "-o", "ndjson="+filepath.Join(dir, "ndjson"), "-o", "har="+filepath.Join(dir, "har"), "-o", "wire="+filepath.Join(dir, "wire"))
	text, err := os.ReadFile(filepath.Join(dir, "ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	var ruling struct {
		Messages struct {
			Kept    []keptMessage
			Dropped any
		}
		Frames json.RawMessage
	}
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte(`"messages":{"kept"`)) {
			if err := json.Unmarshal(line, &ruling); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ruling.Messages.Dropped != nil || bytes.Contains(ruling.Frames, []byte("unchecked")) || bytes.Contains(ruling.Frames, []byte("faults")) {
		t.Errorf("dropped %v, frames %s", ruling.Messages.Dropped, ruling.Frames)
	}
	return ruling.Messages.Kept, dir
}

// TestCompressedConversationsAreKept reads a conversation of npm's ws with evidence.keep: full.
func TestCompressedConversationsAreKept(t *testing.T) {
	t.Parallel()
	all, dir := conversation(t, "full")
	if len(all) != 2*23+2+2 {
		t.Fatalf("got %d messages: %+v", len(all), all)
	}
	before := 0.0
	for i, m := range all {
		n, from := i/2, [...]string{"client", "server"}[i%2]
		if m.From != from || m.At < before || m.Frames > 1 || m.Compressed != (n < 23) {
			t.Errorf("message %d: %+v", i, m)
		}
		before = m.At
		want, kind, cut, size := "", "text", "", 0
		switch {
		case n < 20:
			want = fmt.Sprintf(`{"type":"chat","room":"grüße","n":%d,"text":"the same words again"}`, n)
		case n == 20:
			kind, cut, size = "binary", "long", 100_000
			if data := strings.Repeat("interlock ", 500)[:4096]; string(m.Data) != data {
				t.Errorf("message %d: %q", i, m.Data)
			}
		case n == 21:
			want, cut, size = strings.Repeat("a", 4096), "long", 5000
		case n == 22:
			want = `{"type":"last"}`
		case n == 23:
			kind, want = [...]string{"ping", "pong"}[i%2], "are you there"
		default:
			kind, want = "close", "\x03\xe8bye"
			if m.Data != nil {
				text := string(m.Data)
				m.Text = &text
			}
		}
		if size == 0 {
			size = len(want)
		}
		if m.Kind != kind || m.Cut != cut || m.Size != int64(size) || kind != "binary" && (m.Text == nil || *m.Text != want) {
			t.Errorf("message %d: got %+v, want %.80q", i, m, want)
		}
	}
	har, err := os.ReadFile(filepath.Join(dir, "har"))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(har, []byte(`"type":"send"`)) + bytes.Count(har, []byte(`"type":"receive"`)); n != len(all) {
		t.Errorf("HAR has %d messages", n)
	}
	lines := 0
	files(t, filepath.Join(dir, "wire"), func(_ string, text []byte) { lines += bytes.Count(text, []byte("\nmessage: {")) })
	if lines != len(all) {
		t.Errorf("transcripts have %d messages", lines)
	}
}

// TestMessagesHaveShapes reads the same conversation without evidence.keep: full.
func TestMessagesHaveShapes(t *testing.T) {
	t.Parallel()
	all, dir := conversation(t, "redacted")
	if len(all) != 2*23+2+2 || all[0].Shape != `{"type": string, "room": string, "n": number, "text": string}` || all[len(all)-1].Shape != "code 1000" {
		t.Fatalf("got %d messages: %+v", len(all), all)
	}
	for i, m := range all {
		if m.Text != nil || m.Data != nil {
			t.Errorf("message %d has data: %+v", i, m)
		}
	}
	files(t, dir, func(name string, text []byte) {
		for _, secret := range []string{"the same words", "grüße", "gr\\u00fc", "are you there"} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s has %q", name, secret)
			}
		}
	})
}

// TestSecretsInMessagesAreNotShown plants a secret in every part of a conversation, in both directions,
// and searches all that Interlock prints and stores.
func TestSecretsInMessagesAreNotShown(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"facts", "messages"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			c := &canaries{planted: map[string]string{}}
			dir := t.TempDir()
			store := filepath.Join(dir, "store.db")
			p := serve(t, c.talkative(t), "--frames", mode, "--store", store)
			for name, compressed := range map[string]bool{"plain": false, "compressed": true} {
				dialer := gorilla.Dialer{EnableCompression: compressed, HandshakeTimeout: patience}
				conn, answer, err := dialer.DialContext(t.Context(), "ws://"+p.listen+"/"+name, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Contains(answer.Header.Get("Sec-WebSocket-Extensions"), "permessage-deflate"); got != compressed {
					t.Errorf("%s: compressed %v", name, got)
				}
				if err := c.converse(conn, "client, "+name); err != nil {
					t.Error(err)
				}
				for err == nil {
					_, _, err = conn.ReadMessage()
				}
				conn.Close()
				p.await(t, "the end", func(l line) bool { return l.Message == "tunnel closed" && strings.Contains(l.text, name) })
			}
			look := func(what string, text []byte) {
				for _, place := range c.shown(text) {
					t.Errorf("%s shows a secret: %s", what, place)
				}
			}
			for _, path := range []string{"/", "/exchanges", "/findings", "/status", "/metrics", "/api/v1/exchanges", "/api/v1/findings", "/api/v1/endpoints", "/api/v1/status"} {
				look(path, get(t, p, path))
			}
			var ids [][][]byte
			for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) { // they are stored a moment later
				if ids = regexp.MustCompile(`"id": ?"([0-9A-Z]{26})"`).FindAllSubmatch(get(t, p, "/api/v1/exchanges"), -1); len(ids) == 2 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d exchanges are listed", len(ids))
				}
			}
			for _, id := range ids {
				for _, path := range []string{"/exchanges/", "/api/v1/exchanges/"} {
					text := get(t, p, path+string(id[1]))
					look(path+"ID", text)
					if want := `<table class="messages stack">`; path == "/exchanges/" && (mode == "messages") != bytes.Contains(text, []byte(want)) {
						t.Errorf("the page of an exchange: %q is there: %t", want, mode != "messages")
					}
				}
			}
			p.stop()
			for _, l := range p.lines {
				look("log", []byte(l.text))
			}
			got := run(t, "interlock", append([]string{"report", "--store", store, "-o", "text"}, outputs(filepath.Join(dir, "reports"))...)...)
			look("report", []byte(got.stdout+got.stderr))
			export := run(t, "interlock", "store", "export", "--store", store)
			look("export", []byte(export.stdout+export.stderr))
			if n := strings.Count(export.stdout, `{"from":`); (mode == "messages") != (n > 20) {
				t.Errorf("%d messages are kept", n)
			}
			if n := files(t, dir, look); n < len(reportFormats) {
				t.Errorf("only %d files were looked at", n)
			}
		})
	}
}

// converse sends a secret in every part of a conversation.
func (c *canaries) converse(conn *gorilla.Conn, who string) error {
	conn.SetReadDeadline(time.Now().Add(patience))
	conn.SetWriteDeadline(time.Now().Add(patience))
	say := func(kind int, form, place string) error {
		return conn.WriteMessage(kind, fmt.Appendf(nil, form, c.at(place+" of the "+who)))
	}
	for place, form := range map[string]string{
		"text": "hello %s", "JSON value": `{"token": "%s"}`, "JSON in JSON": `{"a": {"b": ["%s"]}}`, "JSON key": `{"%[1]s": {"id %[1]s": 1}}`, "long text": strings.Repeat("x ", 3000) + "%s",
		"cut JSON": `{"a": "%s"` + strings.Repeat(", 1", 2000) + "}",
	} {
		if err := say(gorilla.TextMessage, form, place); err != nil {
			return err
		}
	}
	w, err := conn.NextWriter(gorilla.TextMessage)
	if err != nil {
		return err
	}
	for range 200 { // several frames
		if _, err := io.WriteString(w, c.at("fragment of the "+who)); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	for kind, place := range map[int]string{gorilla.BinaryMessage: "binary", gorilla.PingMessage: "ping"} {
		if err := say(kind, "%s", place); err != nil {
			return err
		}
	}
	return conn.WriteMessage(gorilla.CloseMessage, gorilla.FormatCloseMessage(4000, "bye "+c.at("reason of the "+who)))
}

// talkative is a backend that says the same kinds of things as its clients.
func (c *canaries) talkative(t *testing.T) string {
	up := gorilla.Upgrader{EnableCompression: true, WriteBufferSize: 1024}
	return site(t, func(w http.ResponseWriter, q *http.Request) {
		conn, err := up.Upgrade(w, q, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		if err := c.converse(conn, "server at "+q.URL.Path); err != nil {
			t.Error(err)
		}
		for err == nil {
			_, _, err = conn.ReadMessage()
		}
	})
}
