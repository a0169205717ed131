package rules

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestAnonymousLeavesOutAllCredentials checks which parts of a handshake are credentials.
func TestAnonymousLeavesOutAllCredentials(t *testing.T) {
	for target, want := range map[string]string{
		"/chat":                           "/chat",
		"/chat?room=7":                    "/chat?room=7",
		"/chat?token=abc":                 "/chat",
		"/chat?room=7&access%5Ftoken=a&x": "/chat?room=7&x",
		"/chat?a=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x": "/chat",
		"/chat?tenant=7": "/chat",
		"/socket.io/?EIO=4&sid=lv_VI97HAXpY6yYWAAAB": "/socket.io/?EIO=4&sid=lv_VI97HAXpY6yYWAAAB",
		"/chat?sid=lv_VI97HAXpY6yYWAAAB":             "/chat",
	} {
		h := NewHandshake("http", "a.test", target, "dGhlIHNhbXBsZSBub25jZQ==")
		h.Secrets = Redaction{Names: []string{"tenant", "X-Person"}, Allow: []string{"Cookie", "token"}}
		plain := len(h.Lines)
		h.Lines = append(h.Lines,
			line("Cookie", "a=b"), line("Authorization", "Basic YTpi"), line("X-Api-Key", "1"), line("X-Person", "me"), line("X-Anything", "Bearer abc"),
			line(protocolField, "chat, base64url.bearer.authorization.k8s.io.c2VjcmV0"), line(originField, "http://a.test"), line("Proxy-Authorization", "Basic YTpi"),
		)
		if !h.Carries() {
			t.Error("it carries nothing")
		}
		Anonymous()(h)
		if h.Target != want || h.Path != want || len(h.Lines) != plain+3 || h.Lines[plain].Value != "chat" || h.Carries() {
			t.Errorf("%s: got %s and %q", target, h.Target, h.Lines[plain:])
		}
	}
}

// TestAsTakesTheCredentialsOfAnother checks a handshake with the credentials of another one.
func TestAsTakesTheCredentialsOfAnother(t *testing.T) {
	alice := NewHandshake("http", "a.test", "/rooms/alice?lang=de&token=of-alice", "k")
	alice.Lines = append(alice.Lines, line("Cookie", "s=alice"), line(originField, "http://a.test"), line(protocolField, "chat, bearer.of-alice"))
	bob := NewHandshake("http", "a.test", "/rooms/bob?token=of-bob", "k")
	bob.Lines = append(bob.Lines, line("Authorization", "Bearer of-bob"), line(protocolField, "chat, bearer.of-bob"))
	got := alice.As(bob)
	if text := got.Head(); got.Target != "/rooms/alice?lang=de&token=of-bob" || strings.Contains(text, "alice\r\n") || strings.Contains(text, "of-alice") ||
		!strings.Contains(text, "Authorization: Bearer of-bob") || !strings.Contains(text, "chat, bearer.of-bob") || !strings.Contains(text, "Origin: http://a.test") {
		t.Errorf("got %q", text)
	}
	if got.Owner != alice || len(alice.Lines) != 8 {
		t.Errorf("the owner is %v", got.Owner)
	}
}

// TestDenied checks which responses demand credentials.
func TestDenied(t *testing.T) {
	for text, want := range map[string]bool{
		"401 Unauthorized": true, "403 Forbidden": true, "404 Not Found": false, "200 OK": false, "400 Bad Request": false,
		"302 Found\r\nLocation: /login?next=/x": true, "302 Found\r\nLocation: https://auth.example/oauth2/authorize?a=b": true, "303 See Other\r\nLocation: /users/sign_in": true,
		"301 Moved Permanently\r\nLocation: https://a.test/chat": false, "302 Found\r\nLocation: /authors/7?from=login": false, "302 Found": false, "304 Not Modified\r\nLocation: /login": false,
	} {
		if got := Denied(wire.ReadResponse([]byte("HTTP/1.1 " + text + "\r\n\r\n"))); got != want {
			t.Errorf("%q: got %t", text, got)
		}
	}
	if Denied(nil) {
		t.Error("no response demands credentials")
	}
}
