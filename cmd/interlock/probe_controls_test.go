package main

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/probe"
	"github.com/interlock-proxy/interlock/wire"
)

// TestAFailedControlSaysWhatToDo goes through what may come in place of a switch.
func TestAFailedControlSaysWhatToDo(t *testing.T) {
	where, err := parsePlace("http://a:1/chat?token=secret")
	if err != nil {
		t.Fatal(err)
	}
	const again = "interlock probe http://a:1/chat?token=******"
	for response, want := range map[string][2]string{
		"404 Not Found":                        {"got 404", "interlock probe http://a:1/chat; interlock serve --backend http://a:1"},
		"301 Moved\r\nLocation: /b?key=secret": {"got 301 to /b?key=******", "interlock probe http://a:1/b?key=******"},
		"308 Moved\r\nLocation: https://b/":    {"got 308 to https://b/", "interlock probe https://b/"},
		"302 Found":                            {"got 302", "URL, with the address"},
		"400 Bad Request":                      {"got 400", again + " with what its clients send: --origin ORIGIN, --subprotocol NAME, -H"},
		"403 Forbidden":                        {"got 403", "--origin ORIGIN"},
		"401 Unauthorized":                     {"got 401", again + " -H @FILE"},
		"200 OK":                               {"got 200", "it answers HTTP here, no WebSocket"},
		"426 Upgrade Required\r\nUpgrade: h2c, foo/2\r\nSec-WebSocket-Version: 8, 13": {"got 426", "it asks for h2c, foo/2, WebSocket version 8, WebSocket version 13"},
		"426 Upgrade Required": {"got 426", "does not say to what"},
		"429 Too Many":         {"got 429", "--rate 1"},
		"500 Oops":             {"got 500", "its log"},
		"418 Teapot":           {"got 418", "-H 'Name: value'"},
	} {
		x := &wire.Exchange{Response: wire.ReadResponse([]byte("HTTP/1.1 " + response + "\r\n\r\n"))}
		advised(t, response, &control{probe.Control{Exchange: x}, where}, want)
	}
	for outcome, want := range map[wire.Outcome][2]string{
		wire.Silent: {"no answer in time", "--timeout 10s"},
		wire.Closed: {"the connection was closed", "try https://"},
		wire.Opaque: {"is no HTTP", "try https://"},
	} {
		advised(t, string(outcome), &control{probe.Control{Exchange: &wire.Exchange{Outcome: outcome}}, where}, want)
	}
	advised(t, "single", &control{probe.Control{Single: true}, where}, [2]string{"once and not twice", again + " --handshake-cmd CMD"})
}

func advised(t *testing.T, name string, c *control, want [2]string) {
	t.Helper()
	if got := c.came(); !strings.Contains(got, want[0]) || strings.Contains(got, "secret") {
		t.Errorf("%s: came %q, want %q", name, got, want[0])
	}
	if got := c.next(); !strings.Contains(got, want[1]) || strings.Contains(got, "secret") {
		t.Errorf("%s: next %q, want %q", name, got, want[1])
	}
}
