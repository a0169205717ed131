package lab

import (
	"strings"
	"testing"
)

func with(lines string) string { return strings.Replace(soundHandshake, "Host:", lines+"Host:", 1) }

func TestTicketsAreGoodForOneHandshake(t *testing.T) {
	s := start(t, "ticket")
	malformed := strings.Replace(with("Authorization: Bearer a\r\n"), "Version: 13", "Version: 99", 1)
	for i, each := range []struct {
		request string
		want    int
	}{
		{malformed, 426}, {with("Authorization: Bearer a\r\n"), 101}, {with("Authorization: Bearer a\r\n"), 403},
		{with("Authorization: Bearer b\r\n"), 101}, {soundHandshake, 101}, {soundHandshake, 403},
	} {
		if p := ask(t, s, each.request); p.StatusCode != each.want {
			t.Errorf("request %d: got %s, want %d", i, p.Status, each.want)
		}
	}
}

func TestLimitAnswersThirtyRequests(t *testing.T) {
	s := start(t, "limit")
	for i := range maxRequests + 2 {
		want := 101
		if i >= maxRequests {
			want = 429
		}
		if p := ask(t, s, soundHandshake); p.StatusCode != want {
			t.Errorf("request %d: got %s, want %d", i, p.Status, want)
		}
	}
}

func TestGatesWantTheirField(t *testing.T) {
	for _, each := range []struct {
		backend, lines string
		status         int
		chosen         string
	}{
		{"forbidding", "", 403, ""},
		{"forbidding", "Origin: http://evil.invalid\r\n", 403, ""},
		{"forbidding", "Origin: http://lab\r\n", 101, ""},
		{"subprotocol", "", 403, ""},
		{"subprotocol", "Sec-WebSocket-Protocol: chat, more\r\n", 101, "chat"},
		{"subprotocol", "Sec-WebSocket-Protocol: , more\r\n", 101, "more"},
	} {
		p := ask(t, start(t, each.backend), with(each.lines))
		if chosen := p.Header.Get("Sec-WebSocket-Protocol"); p.StatusCode != each.status || chosen != each.chosen {
			t.Errorf("%s: %q: got %s, %q, want %d, %q", each.backend, each.lines, p.Status, chosen, each.status, each.chosen)
		}
	}
}

func TestPlainBackendsDoNotKnowUpgrade(t *testing.T) {
	for backend, want := range map[string]int{"missing": 404, "files": 200} {
		s := start(t, backend)
		for _, m := range malformations() {
			if m.name == "content withheld" {
				continue // net/http waits for the body
			}
			if p := ask(t, s, m.handshake); p.StatusCode == 101 {
				t.Errorf("%s: %s: got %s", backend, m.name, p.Status)
			}
		}
		for name, handshake := range variations() {
			if p := ask(t, s, handshake); p.StatusCode != want {
				t.Errorf("%s: %s: got %s, want %d", backend, name, p.Status, want)
			}
		}
	}
	if p := ask(t, start(t, "files"), "GET /elsewhere HTTP/1.1\r\nHost: lab\r\n\r\n"); p.StatusCode != 404 {
		t.Errorf("got %s, want 404", p.Status)
	}
}

// TestUncheckedLibrariesLetThrough checks which invalid handshakes each library accepts, and that
// it rejects others.
func TestUncheckedLibrariesLetThrough(t *testing.T) {
	for backend, lacks := range map[string]string{"gorilla": "HTTP/1.0", "coder": "Kelvin sign in Upgrade", "gobwas": "Connection by spaces"} {
		s, checked := start(t, backend+"-unchecked"), start(t, backend)
		for _, m := range malformations() {
			switch m.name {
			case lacks:
				p, q := ask(t, s, m.handshake), ask(t, checked, m.handshake)
				if p.StatusCode != 101 || q.StatusCode == 101 {
					t.Errorf("%s: %s: got %s unchecked and %s checked, want a 101 unchecked only", backend, m.name, p.Status, q.Status)
				}
			case "POST", "no Connection", "no key", "version 99":
				if p := ask(t, s, m.handshake); p.StatusCode == 101 {
					t.Errorf("%s: %s: got %s", backend, m.name, p.Status)
				}
			}
		}
	}
	careless := strings.Replace(soundOffer, "Connection: Upgrade, HTTP2-Settings", "Connection: HTTP2-Settings", 1)
	if careless == soundOffer {
		t.Fatal("the offer has another Connection")
	}
	if p, q := ask(t, start(t, "h2c-unchecked"), careless), ask(t, start(t, "h2c"), careless); p.StatusCode != 101 || q.StatusCode != 200 {
		t.Errorf("got %s unchecked and %s checked, want 101 and 200", p.Status, q.Status)
	}
}
