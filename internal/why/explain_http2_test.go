package why

import (
	"os"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/internal/capture"
	"github.com/interlock-proxy/interlock/wire"
)

// TestStreamsAreExplained explains transcripts of HTTP/2 like recordings of HTTP/1.1. What they say of HTTP/2
// itself is not blanked out.
func TestStreamsAreExplained(t *testing.T) {
	for name, each := range map[string]struct {
		result Result
		id     string
		says   string
	}{
		"h2-tunnel":       {Works, "", "It works: the server accepts the handshake."},
		"h2-page":         {Fails, "h2-page-as-tunnel", `The server answered the extended CONNECT for "/chat" with 200 and a page`},
		"h2-426-nginx":    {Fails, "h2-unreadable-refusal", `The response 426 has Upgrade: "websocket"`},
		"h2-undici":       {Fails, "h2-demands-accept", "undici, the client of Node.js, demands Sec-WebSocket-Accept"},
		"h2-reset-http11": {Fails, "h2-reset", "The server wants the handshake of HTTP/1.1"},
		"h2-403-origin":   {Fails, "rejected-403", `The server answered the valid handshake for "/chat" with 403`},
	} {
		file, err := os.ReadFile("../diagnose/testdata/" + name + ".wire")
		if err != nil {
			t.Fatal(err)
		}
		var all []*wire.Exchange
		reader := capture.Reader{Observe: func(x *wire.Exchange) { all = append(all, x) }, Every: true}
		was, err := reader.Read(strings.NewReader(string(file)))
		if err != nil {
			t.Fatal(err)
		}
		r := Explain(all, was, nil)
		found := each.id == ""
		for _, d := range r.Diagnoses {
			found = found || d.ID == each.id
		}
		if r.Result != each.result || !found || !strings.Contains(r.Summary, each.says) {
			t.Errorf("%s: %v, %+v: %s", name, r.Result, r.Diagnoses, r.Summary)
		}
	}
}
