package hop_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/hop"
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

const (
	handshake = "GET /chat HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, chat2\r\n" +
		"Sec-WebSocket-Key: KEY\r\n\r\n"
	switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: +gIC1kQpA+FV5oRvvTBmwRtVEgQ=\r\n\r\n"
	refused  = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
)

var start = time.Unix(1_800_000_000, 0)

// side is an exchange as one Interlock stored it.
func side(t *testing.T, request, response string, at time.Duration) *rules.Ruling {
	t.Helper()
	x := &wire.Exchange{Origin: wire.OriginLive, Final: true, Complete: true, Time: start.Add(at), Request: wire.ReadRequest([]byte(request)), Outcome: wire.Closed}
	if response != "" {
		x.Response = wire.ReadResponse([]byte(response))
		x.Outcome = x.Response.Outcome()
	}
	return stored(t, x)
}

// stored is the ruling on an exchange as it is read from a store.
func stored(t *testing.T, x *wire.Exchange) *rules.Ruling {
	t.Helper()
	text, err := rules.Classify(rules.Case{X: x}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	r, err := rules.ReadRuling(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestChanges holds what a hop is said to have done, and whether it matters.
func TestChanges(t *testing.T) {
	edit := func(text, from, to string) string { return strings.Replace(text, from, to, 1) }
	for _, test := range []struct {
		name, far, near, farResponse, nearResponse, want string
	}{
		{"nothing", handshake, handshake, switched, switched, ""},
		{"method", handshake, edit(handshake, "GET", "POST"), refused, refused, "request method!"},
		{"target", edit(handshake, "/chat", "/app/chat"), handshake, refused, refused, "request target"},
		{"version", edit(handshake, "HTTP/1.1", "HTTP/1.0"), handshake, refused, refused, "request version!"},
		{"upgrade removed", edit(handshake, "Upgrade: websocket\r\n", ""), handshake, refused, refused, "request removed Upgrade!"},
		{"case of the token", edit(handshake, "websocket", "WebSocket"), handshake, refused, refused, "request rewritten Upgrade"},
		{"option of Connection", edit(handshake, "Connection: Upgrade", "Connection: close"), handshake, refused, refused, "request rewritten Connection!"},
		{"another option as well", edit(handshake, "Connection: Upgrade", "Connection: keep-alive, upgrade"), handshake, refused, refused, "request rewritten Connection"},
		{"key", edit(handshake, "KEY", "OTHER"), handshake, refused, refused, "request rewritten Sec-WebSocket-Key!"},
		{"spaces in a list", edit(handshake, "chat, chat2", "chat,chat2"), handshake, refused, refused, "request rewritten Sec-WebSocket-Protocol"},
		{"subprotocol", edit(handshake, ", chat2", ""), handshake, refused, refused, "request rewritten Sec-WebSocket-Protocol!"},
		{"a list in two lines", edit(handshake, "chat, chat2", "chat\r\nSec-WebSocket-Protocol: chat2"), handshake, refused, refused, "request lines Sec-WebSocket-Protocol"},
		{"added", edit(handshake, "Upgrade:", "Via: 1.1 a\r\nUpgrade:"), handshake, refused, refused, "request added Via"},
		{"order", edit(edit(handshake, "Host: a.test\r\n", ""), "\r\n\r\n", "\r\nHost: a.test\r\n\r\n"), handshake, refused, refused, "request order"},
		{"case of names", edit(handshake, "Host", "host"), handshake, refused, refused, "request case"},
		{"status", handshake, handshake, switched, "HTTP/1.1 502 Bad Gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: +gIC1kQpA+FV5oRvvTBmwRtVEgQ=\r\n\r\n", "response status!"},
		{"no answer", handshake, handshake, refused, "", "response status!"},
		{"accept", handshake, handshake, switched, edit(switched, "+gIC1kQpA+FV5oRvvTBmwRtVEgQ=", "OTHER"), "response rewritten Sec-WebSocket-Accept!"},
		{"upgrade of the 101", handshake, handshake, switched, edit(switched, "Upgrade: websocket\r\n", ""), "response removed Upgrade!"},
	} {
		if test.name == "method" {
			test.far, test.near = test.near, test.far
		}
		p := hop.Pair{Near: side(t, test.near, test.nearResponse, 0), Far: side(t, test.far, test.farResponse, 0)}
		var got []string
		for _, c := range hop.Compare(p) {
			text := strings.TrimSpace(fmt.Sprintf("%s %s %s", c.Part, c.Kind, c.Header))
			if c.Matters {
				text += "!"
			}
			got = append(got, text)
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// TestFirstBytes holds that bytes after the 101 are compared as far as both sides show them.
func TestFirstBytes(t *testing.T) {
	near, far := side(t, handshake, switched, 0), side(t, handshake, switched, 0)
	near.X.After.Server, far.X.After.Server = []byte("\x81\x02**\x81\x05**"), []byte("\x81\x02hi\x81\x05")
	if got := hop.Compare(hop.Pair{Near: near, Far: far}); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	near.X.After.Server = []byte("HTTP/1.1 200 OK")
	if got := hop.Compare(hop.Pair{Near: near, Far: far}); len(got) != 1 || got[0].Part != hop.Tunnel || !got[0].Matters {
		t.Errorf("got %v", got)
	}
}

// TestMatch holds which exchanges are a pair.
func TestMatch(t *testing.T) {
	with := func(key string) string { return strings.Replace(handshake, "KEY", key, 1) }
	keyless := strings.Replace(handshake, "Sec-WebSocket-Key: KEY\r\n", "", 1)
	near := []*rules.Ruling{
		side(t, with("a"), switched, 0), side(t, with("a"), switched, time.Minute), // a key that is used again
		side(t, with("b"), refused, 2*time.Minute), // answered by the hop
		side(t, keyless, refused, 10*time.Minute),
		side(t, keyless, refused, 20*time.Minute), side(t, keyless, refused, 20*time.Minute+time.Second), // which is which?
	}
	far := []*rules.Ruling{
		side(t, with("a"), switched, time.Minute+time.Second), side(t, with("a"), switched, time.Second),
		side(t, with("c"), refused, 2*time.Minute),
		side(t, keyless, refused, 10*time.Minute),
		side(t, keyless, refused, 20*time.Minute), side(t, keyless, refused, 20*time.Minute+time.Second),
	}
	m := hop.Match(near, far, 5*time.Second)
	if len(m.Pairs) != 3 || len(m.OnlyNear) != 3 || len(m.OnlyFar) != 3 {
		t.Fatalf("%d pairs, %d only near, %d only far", len(m.Pairs), len(m.OnlyNear), len(m.OnlyFar))
	}
	for i, want := range []struct {
		near, far *rules.Ruling
		by        hop.By
	}{{near[0], far[1], hop.ByKey}, {near[1], far[0], hop.ByKey}, {near[3], far[3], hop.ByTarget}} {
		if p := m.Pairs[i]; p.Near != want.near || p.Far != want.far || p.By != want.by {
			t.Errorf("pair %d is another one, by %s", i, p.By)
		}
	}
}

// TestReportCounts holds that changes of the same kind are told once.
func TestReportCounts(t *testing.T) {
	var near, far []*rules.Ruling
	for i := range 20 {
		key := fmt.Sprintf("key%d", i)
		near = append(near, side(t, strings.Replace(handshake, "KEY", key, 1), refused, time.Duration(i)*time.Minute))
		far = append(far, side(t, strings.NewReplacer("KEY", key, "Upgrade: websocket\r\n", "", "Connection: Upgrade", "Connection: close").Replace(handshake), refused, time.Duration(i)*time.Minute))
	}
	r := hop.Summarize("edge", "inner", hop.Match(near, far, time.Second))
	if r.Pairs != 20 || r.ByKey != 20 || len(r.Changes) != 2 || r.Changes[0].Count != 20 || !r.Matters {
		t.Errorf("got %+v", r)
	}
	if want := `The hop changes what an upgrade needs: it removes Upgrade: "websocket", rewrites Connection from "Upgrade" to "close"`; r.Answer != want {
		t.Errorf("got %s", r.Answer)
	}
}

// TestHostileExchanges holds that a comparison is bounded and printable, whatever the messages are.
func TestHostileExchanges(t *testing.T) {
	var many strings.Builder
	many.WriteString("GET /\x1b[31m HTTP/1.1\r\nSec-WebSocket-Key: k\r\nUpgrade: websocket\r\n")
	for i := range 6000 {
		fmt.Fprintf(&many, "x%d\x1b: \xff\r\n", i)
	}
	many.WriteString("\r\n")
	var near, far []*rules.Ruling
	for i := range 4 {
		key := fmt.Sprintf("Sec-WebSocket-Key: k%d\r\n", i)
		near = append(near, side(t, strings.Replace(many.String(), "Sec-WebSocket-Key: k\r\n", key, 1), "", 0))
		far = append(far, side(t, "GET / HTTP/1.1\r\n"+key+fmt.Sprintf("y%d: a\r\nz%d: a\r\n\r\n", i, i), "", 0))
	}
	for _, r := range near {
		r.X.ID = "\x1b[31m"
	}
	r := hop.Summarize("a", "b", hop.Match(near, far, time.Second))
	var text strings.Builder
	if err := r.Text(&text); err != nil {
		t.Fatal(err)
	}
	if len(r.Changes) > 600 || r.Pairs != 4 || !r.Matters {
		t.Errorf("%d changes of %d pairs, %t", len(r.Changes), r.Pairs, r.Matters)
	}
	if i := strings.IndexFunc(text.String(), func(c rune) bool { return c != '\n' && (c < ' ' || c > '~') }); i >= 0 {
		t.Errorf("%q in the text", text.String()[i:min(i+20, text.Len())])
	}
}

// TestSame tells one recording that is given twice from the two sides of a hop.
func TestSame(t *testing.T) {
	one, other := side(t, handshake, switched, 0), side(t, handshake, switched, time.Second)
	one.X.ID, other.X.ID = "A", "B"
	twice := hop.Match([]*rules.Ruling{one}, []*rules.Ruling{one}, time.Minute)
	sides := hop.Match([]*rules.Ruling{one}, []*rules.Ruling{other}, time.Minute)
	if !twice.Same() || sides.Same() || len(sides.Pairs) != 1 {
		t.Errorf("got %v for the same, and %v for two sides", twice.Same(), sides.Same())
	}
}

// TestHiddenIsNotNothing holds that a change that cannot be seen is not said to be none.
func TestHiddenIsNotNothing(t *testing.T) {
	request := strings.Replace(handshake, "\r\n\r\n", "\r\nCookie: session=s3cret\r\n\r\n", 1)
	near, far := []*rules.Ruling{side(t, request, switched, 0)}, []*rules.Ruling{side(t, request, switched, 0)}
	if r := hop.Summarize("edge", "inner", hop.Match(near, far, time.Minute)); r.Answer != "The hop changes nothing that can be seen" || r.Matters {
		t.Error(r.Answer)
	}
}
