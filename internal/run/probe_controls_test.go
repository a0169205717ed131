package run

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/internal/terminal"
	"github.com/interlock-proxy/interlock/wire"
)

// TestAFailedControlSaysWhatToDo checks each kind of answer that a control may get instead of a
// switch.
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
		"200 OK":                               {"got 200", "it answers plain HTTP at this path, not WebSocket"},
		"426 Upgrade Required\r\nUpgrade: h2c, foo/2\r\nSec-WebSocket-Version: 8, 13": {"got 426", "it asks for h2c, foo/2, WebSocket version 8, WebSocket version 13"},
		"426 Upgrade Required": {"got 426", "does not say to what"},
		"429 Too Many":         {"got 429", "--rate-limit 1"},
		"500 Oops":             {"got 500", "its log"},
		"418 Teapot":           {"got 418", "-H 'Name: value'"},
	} {
		x := &wire.Exchange{Response: wire.ReadResponse([]byte("HTTP/1.1 " + response + "\r\n\r\n"))}
		advised(t, response, &control{probe.Control{Exchange: x}, where}, want)
	}
	interim := []*wire.Response{wire.ReadResponse([]byte("HTTP/1.1 102 Processing\r\n\r\n"))}
	for _, each := range []struct {
		x     wire.Exchange
		begun bool
		want  [2]string
	}{
		{wire.Exchange{Outcome: wire.Silent}, false, [2]string{"got no answer in 2s", "https:// if that"}},
		{wire.Exchange{Outcome: wire.Silent}, true, [2]string{"got no whole answer in 2s", "it has begun to answer"}},
		{wire.Exchange{Outcome: wire.Closed, Cause: wire.CauseServer}, false, [2]string{"the connection was closed", "try https://"}},
		{wire.Exchange{Outcome: wire.Closed, Cause: wire.CauseServerReset}, false, [2]string{"the connection was reset", "try https://"}},
		{wire.Exchange{Outcome: wire.Opaque}, false, [2]string{"is not HTTP", "try https://"}},
		{wire.Exchange{Outcome: wire.Opaque}, true, [2]string{"got no whole answer", "never ends it"}},
		{wire.Exchange{Outcome: wire.Opaque, Interim: interim}, true, [2]string{"interim responses and no final one", "never ends it"}},
		{wire.Exchange{}, false, [2]string{"got no answer", "try https://"}},
	} {
		k := probe.Control{Exchange: &each.x, Begun: each.begun, Waited: 2 * time.Second}
		advised(t, string(each.x.Outcome), &control{k, where}, each.want)
	}
	lost := probe.Control{Protocol: "websocket", Accepted: true, Exchange: &wire.Exchange{Response: wire.ReadResponse([]byte("HTTP/1.1 429 x\r\n\r\n"))}}
	p := &site{run: &Probing{Flags: &ProbeFlags{}}, place: where, was: probe.Report{Controls: []probe.Control{lost}}}
	if p.failedControl() != nil || p.lostControl() == nil {
		t.Error("a control that was accepted at first is failed, or not lost")
	}
	advised(t, "lost", p.lostControl(), [2]string{"was accepted at first, and then got 429", "--concurrency 1 --rate-limit 1"})
	flawed := probe.Control{Flaw: "to \"TLS/1.2\"", Exchange: &wire.Exchange{Response: wire.ReadResponse([]byte("HTTP/1.1 101 x\r\n\r\n"))}}
	advised(t, "flawed", &control{flawed, where}, [2]string{`got a 101 to "TLS/1.2", which no client accepts`, "interlock probe --only CTRL-WS http://a:1/"})
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

// TestTheControlLineSaysWhatCame checks that only a switch is marked as an accepted control.
func TestTheControlLineSaysWhatCame(t *testing.T) {
	answered := func(status string) *wire.Exchange {
		return &wire.Exchange{Response: wire.ReadResponse([]byte("HTTP/1.1 " + status + "\r\n\r\n"))}
	}
	for want, k := range map[string]probe.Control{
		"+ websocket 101":                             {Accepted: true, Exchange: answered("101 Switching Protocols")},
		`! websocket 101 to "TLS/1.2"`:                {Flaw: `to "TLS/1.2"`, Exchange: answered("101 Switching Protocols")},
		"! websocket 429 (was accepted before)":       {Accepted: true, Exchange: answered("429 Too Many")},
		"! websocket 403 (the first time only)":       {Single: true, Exchange: answered("403 Forbidden")},
		"- websocket 404 (not supported here)":        {Exchange: answered("404 Not Found")},
		"- websocket no answer in 5s":                 {Exchange: &wire.Exchange{Outcome: wire.Silent}, Waited: 5 * time.Second},
		"- websocket no whole answer in 2s":           {Exchange: &wire.Exchange{Outcome: wire.Silent}, Begun: true, Waited: 2 * time.Second},
		"- websocket no whole answer":                 {Exchange: &wire.Exchange{Outcome: wire.Opaque}, Begun: true, Waited: 2 * time.Second},
		"- websocket no HTTP":                         {Exchange: &wire.Exchange{Outcome: wire.Opaque}},
		"- websocket no answer":                       {Exchange: &wire.Exchange{}},
		"- websocket closed without an answer":        {Exchange: &wire.Exchange{Outcome: wire.Closed}},
		"- websocket reset without an answer":         {Exchange: &wire.Exchange{Outcome: wire.Closed, Cause: wire.CauseServerReset}},
		"- websocket not sent":                        {},
		"+ websocket 101 with Connection: keep-alive": {Accepted: true, Step: "Connection: keep-alive", Exchange: answered("101 Switching Protocols")},
	} {
		k.Protocol = "websocket"
		if got := controlLine(terminal.NewConsole(io.Discard, true), []probe.Control{{Protocol: "http"}, k}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
