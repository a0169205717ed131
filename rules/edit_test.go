package rules

import (
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// maxFirst is more than any probe sends before it reads, for a base that fits in a head.
const maxFirst = 512 << 10

// bases returns handshakes that probes edit: the default, a learned one with everything that can be
// learned, and an empty one.
func bases() []*Handshake {
	learned := wire.ReadRequest([]byte("GET /rooms/4711?token=s HTTP/1.1\r\nhOST: [::1]:8080\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nOrigin: https://a.test\r\n" +
		"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: base64.binary\r\nCookie: a=b\r\nAuthorization: Basic YTpi\r\n\r\n"))
	return []*Handshake{
		NewHandshake("http", "a.test", "/chat", "AAAAAAAAAAAAAAAAAAAAAA=="),
		Learn(learned, "https", "AAAAAAAAAAAAAAAAAAAAAA==", true, Redaction{}),
		{},
	}
}

// TestEditsCompose checks that the edits of two probes can be applied one after the other to any
// base, that the base is not modified, and that the result is bounded.
func TestEditsCompose(t *testing.T) {
	for _, base := range bases() {
		before := base.First()
		for _, p := range Probes() {
			once := p.On(base)
			for _, q := range Probes() {
				h := q.On(once)
				if n := len(h.First()); n > maxFirst {
					t.Fatalf("%s and then %s send %d bytes", p.ID, q.ID, n)
				}
			}
			if h := p.On(base); h.First() != once.First() || h.After != once.After {
				t.Errorf("%s is not the same twice", p.ID)
			}
		}
		if base.First() != before {
			t.Error("the base has changed")
		}
	}
}

// FuzzEdits checks that two probes can be applied one after the other to any learned handshake, and
// that the number of bytes sent is bounded.
func FuzzEdits(f *testing.F) {
	all := Probes()
	at := func(id string) uint16 { return uint16(slices.Index(all, FindProbe(id))) }
	f.Add([]byte("GET /chat HTTP/1.1\r\nHost: a.test:80\r\nOrigin: http://a.test\r\n\r\n"), "https", at("UPGRADE-POST"), at("UPGRADE-OBSFOLD-CONN"), true)
	f.Add([]byte("GET * HTTP/1.1\r\nHost: [\r\nSec-WebSocket-Protocol: bearer, , x\r\n\r\n"), "", at("UPGRADE-WS-ORIGIN-SUFFIX"), at("UPGRADE-TARGET-FRAGMENT"), false)
	f.Add([]byte("\r\n"), "http", at("UPGRADE-BARE-LF"), at("UPGRADE-LEAD-SP"), true)
	long := strings.Repeat("a", wire.MaxHead/4)
	f.Add([]byte("GET /"+long+" HTTP/1.1\r\nHost: "+long+"\r\nCookie: "+long+"\r\n\r\n"), "https", at("UPGRADE-MANY-HEADERS"), at("UPGRADE-WS-ORIGIN-DUP"), true)
	f.Add([]byte("GET / HTTP/1.1\r\nHost: "+long+long+long+"\r\n\r\n"), "https", at("UPGRADE-SEQ-PIPELINE"), at("UPGRADE-WS-ORIGIN-DUP"), true)
	f.Fuzz(func(t *testing.T, request []byte, scheme string, first, second uint16, credentials bool) {
		if len(request) > wire.MaxHead || len(scheme) > len("https") {
			return // Interlock never learns such a request
		}
		base := Learn(wire.ReadRequest(request), scheme, "AAAAAAAAAAAAAAAAAAAAAA==", credentials, Redaction{})
		p, q := all[int(first)%len(all)], all[int(second)%len(all)]
		h := q.On(p.On(base))
		if n := len(h.First()) + len(h.After) + len(h.Content); n > maxFirst {
			t.Errorf("%s and then %s send %d bytes", p.ID, q.ID, n)
		}
		Classify(Case{X: &wire.Exchange{Origin: wire.OriginProbe, Probe: q.ID, Complete: true, Outcome: wire.Closed, Request: wire.ReadRequest([]byte(h.Head()))}})
	})
}
