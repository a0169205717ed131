package run

import (
	"bytes"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/config"
	"github.com/interlock-proxy/interlock/internal/probe"
	"github.com/interlock-proxy/interlock/wire"
)

// TestAControlIsExplained holds that the text of a run says why a valid handshake failed, if a
// diagnosis applies, and nothing otherwise.
func TestAControlIsExplained(t *testing.T) {
	const head = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n"
	answer := wire.ReadResponse([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
	for _, each := range []struct {
		more string
		want []string
	}{
		{"", []string{"   why: The handshake reached", "(likely: X-Forwarded-For: \"192.0.2.1\")", "\n   fix: nginx: "}},
		{"X-Not: a handshake\r\n", nil},
	} {
		text := head + each.more
		if each.want == nil {
			text = strings.ReplaceAll(text, "Sec-WebSocket-", "X-")
		}
		x := &wire.Exchange{Request: wire.ReadRequest([]byte(text + "\r\n")), Response: answer, Outcome: wire.Refused, Complete: true, Final: true}
		var b bytes.Buffer
		p := probeText{marks: plainly(), columns: unlimited, run: &Probing{Config: config.Defaults()}}
		p.why(&b, &control{Control: probe.Control{Exchange: x}})
		for _, want := range each.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("got %q, want %q", &b, want)
			}
		}
		if each.want == nil && b.Len() > 0 {
			t.Errorf("got %q", &b)
		}
	}
	c := config.Defaults()
	c.Redact.Names = []string{"X-Forwarded-For"}
	x := &wire.Exchange{Request: wire.ReadRequest([]byte(head + "\r\n")), Response: answer, Outcome: wire.Refused, Complete: true, Final: true}
	var b bytes.Buffer
	(&probeText{marks: plainly(), columns: unlimited, run: &Probing{Config: c}}).why(&b, &control{Control: probe.Control{Exchange: x}})
	if text := b.String(); !strings.Contains(text, "why: ") || strings.Contains(text, "192.0.2.1") {
		t.Errorf("with X-Forwarded-For among the secrets, got %q", text)
	}
	(&probeText{run: &Probing{}}).why(nil, &control{}) // no valid handshake was sent
}
