package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/server"
	"github.com/interlock-proxy/interlock/rules"
)

const plainHead = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: K\r\nSec-WebSocket-Version: 13\r\n"

func TestFieldLinesOfFlags(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fields")
	if err := os.WriteFile(name, []byte("Authorization: Bearer s3cret\r\n\nX-A:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := ProbeFlags{Fields: []string{"@" + name, "host: b", "X-A:  2 ", "connection: keep-alive, Upgrade", "Cookie: c=2"}, Cookie: "c=1", Subprotocol: "chat", Origin: "http://a"}
	h := rules.NewHandshake("http", "a", "/chat", "K")
	if err := f.dress(h); err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("Host: a", "Host: b", "Connection: Upgrade", "Connection: keep-alive, Upgrade").Replace(plainHead) +
		"Authorization: Bearer s3cret\r\nX-A: 1\r\nX-A: 2\r\nCookie: c=1\r\nSec-WebSocket-Protocol: chat\r\nOrigin: http://a\r\n\r\n"
	if got := h.Head(); got != want || h.Host != "b" {
		t.Errorf("got  %q\nwant %q\nhost %q", got, want, h.Host)
	}
}

func TestFieldLinesThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"secret":            "line 1: it is not a header line",
		"a: b\nx y: secret": "line 2: it is not a header line",
		": secret":          "it is not a header line",
		"a: sec\x00ret":     "the value of a has a byte",
		"a: sec\rret":       "the value of a has a byte",
	} {
		_, err := probe.ParseFields(text, "FILE")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestSuppliedHandshakes(t *testing.T) {
	base := rules.NewHandshake("http", "a", "/chat", "K")
	for text, want := range map[string]string{
		"X-Ticket: 1\n":               plainHead + "X-Ticket: 1\r\n\r\n",
		"GET /chat?ticket=1 HTTP/1.1": strings.Replace(plainHead, "/chat", "/chat?ticket=1", 1) + "\r\n",
		"\nGET /b HTTP/1.1\r\nHost: c\r\nUpgrade: h2c\r\nsec-websocket-key: x\r\nCookie: a=b\r\n\r\nbody: no": strings.NewReplacer("/chat", "/b", "Host: a", "Host: c").Replace(plainHead) + "Cookie: a=b\r\n\r\n",
	} {
		h, err := probe.ParseHandshake(base, text, "its output")
		if err != nil || h.Head() != want {
			t.Errorf("%q: %v\ngot  %q\nwant %q", text, err, h.Head(), want)
		}
	}
	if base.Head() != plainHead+"\r\n" {
		t.Errorf("the base was changed: %q", base.Head())
	}
	for text, want := range map[string]string{
		"": "neither", "POST / HTTP/1.1\n": "not GET", "GET http://a/ HTTP/1.1\n": "not GET", "<html>": "not a header line",
	} {
		if _, err := probe.ParseHandshake(base, text, "its output"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestCommandsThatSupplyAreBounded(t *testing.T) {
	for command, want := range map[string]string{
		"exit 3": "exit status 3", "yes": "more than 65536 bytes", "no-such-command": "exit status 127",
	} {
		if _, err := probe.OutputOf(t.Context(), command, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", command, err, want)
		}
	}
}

func TestIdentities(t *testing.T) {
	name := filepath.Join(t.TempDir(), "identity")
	if err := os.WriteFile(name, []byte("Cookie: of=file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PROBE_IDENTITY", "X-A: 1\nX-B: 2")
	c := config.IdentityConfig{File: name, Env: "PROBE_IDENTITY", Command: "echo X-C: 3"}
	got, err := server.IdentityFields(t.Context(), &c, os.Stderr)
	if want := []probe.Field{{Name: "Cookie", Value: "of=file"}, {Name: "X-A", Value: "1"}, {Name: "X-B", Value: "2"}, {Name: "X-C", Value: "3"}}; err != nil || len(got) != 4 || [4]probe.Field(got) != [4]probe.Field(want) {
		t.Errorf("got %q, %v", got, err)
	}
	c = config.IdentityConfig{Env: "NO_SUCH_VARIABLE"}
	if _, err := server.IdentityFields(t.Context(), &c, os.Stderr); err == nil || !strings.Contains(err.Error(), "NO_SUCH_VARIABLE") {
		t.Errorf("got %v", err)
	}
}
