package rules

import (
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// learned returns a browser's handshake as Interlock learns it from an endpoint that accepted it.
func learned(scheme string) *Handshake {
	const browser = "GET /rooms/42/live?lang=de&token=s3cr3t HTTP/1.1\r\nHost: chat.test:8080\r\nConnection: keep-alive, Upgrade\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0\r\nAccept: */*\r\n" +
		"Accept-Encoding: gzip, deflate\r\nSec-WebSocket-Version: 13\r\nOrigin: SCHEME://chat.test:8080\r\n" +
		"Sec-WebSocket-Protocol: v2.chat, v1.chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n" +
		"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nCookie: session=31d4d96e407aad42\r\nAuthorization: Basic YTpi\r\n" +
		"Sec-Fetch-Mode: websocket\r\nPragma: no-cache\r\nCache-Control: no-cache\r\nUpgrade: websocket\r\n\r\n"
	q := wire.ReadRequest([]byte(strings.Replace(browser, "SCHEME", scheme, 1)))
	return Learn(q, scheme, "dGhlIHNhbXBsZSBub25jZQ==", true, Redaction{})
}

// TestLearnedProbesBreakOneRule is TestProbesBreakOneRule for a learned handshake and over TLS,
// where offering h2c is a fault in itself (RFC 7540 §3.3).
func TestLearnedProbesBreakOneRule(t *testing.T) {
	for _, base := range []*Handshake{learned("http"), learned("https")} {
		for _, p := range Probes() {
			if !p.Class.Refuses() && p.Class != Body || p.HTTP2() {
				continue
			}
			h := p.On(base)
			var further []string
			if q := wire.ReadRequest([]byte(h.Head())); base.Scheme == "https" && hasProtocol(q.Protocols(), "h2c") {
				further = append(further, "UPGRADE-H2C-OVER-TLS")
			} else if base.Scheme == "https" && hasProtocol(q.Protocols(), "TLS") {
				further = append(further, "UPGRADE-TLS-IN-TLS")
			}
			if defect := breaksOnly(p, h, further...); defect != "" {
				t.Errorf("%s over %s: %s", p.ID, base.Scheme, defect)
			}
		}
	}
}

// TestProbesKeepTheBase checks that a probe changes the same parts of a learned handshake as of the
// default one. If a probe dropped a cookie, the endpoint might reject it for that reason.
func TestProbesKeepTheBase(t *testing.T) {
	plain, base := NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ=="), learned("http")
	for _, p := range Probes() {
		if p.ID == "UPGRADE-H2C-PRIOR" || slices.Contains([]string{"UPGRADE-AUTH-NONE", "UPGRADE-AUTH-TWIN", "UPGRADE-AUTH-TWIN-H2C", "UPGRADE-H2C-TUNNEL",
			"UPGRADE-H2-AUTH-CONNECT", "UPGRADE-H2-AUTH-CONNECT-UNKNOWN", "UPGRADE-H2-CHECK-AUTH"}, p.ID) {
			continue // the first is not a request, and the others leave credentials out
		}
		usual, h := p.On(plain), p.On(base)
		if usual.Target == plain.Target && h.Target != base.Target {
			t.Errorf("%s has target %q", p.ID, h.Target)
		}
		for _, l := range base.Lines {
			i := plain.find(l.Name)
			left := i == len(plain.Lines) || slices.Contains(usual.Lines, plain.Lines[i])
			switch {
			case wire.EqualFold(l.Name, originField): // probes about Origin set their own
				left = p.ID != noOriginProbe && p.ID != noOriginProbe2 && usual.find(originField) == len(usual.Lines)
			case wire.EqualFold(l.Name, protocolField): // probes that do not offer WebSocket have none
				left = p.Class == Accept || p.ID != "UPGRADE-WS-PROTO-NONE" && usual.find(protocolField) == len(usual.Lines) && usual.find(versionField)+usual.find(keyField) < 2*len(usual.Lines)
			}
			if l.End = crlf; p.ID == "UPGRADE-BARE-LF" {
				l.End = "\n"
			}
			if left && !slices.Contains(h.Lines, l) {
				t.Errorf("%s has lost %q", p.ID, l.Name+l.Gap+l.Value)
			}
		}
	}
}

// TestProbesBesideTheCatalogue checks the particular features of the probes that the catalogue
// lacks.
func TestProbesBesideTheCatalogue(t *testing.T) {
	for _, base := range []*Handshake{NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ=="), learned("http")} {
		if h := FindProbe("UPGRADE-SPLIT-HEAD").On(base); h.First() != base.First() || h.Split <= 0 || h.Split >= len(h.Head()) {
			t.Errorf("the head is cut at %d of %d bytes and is %q, want %q", h.Split, len(h.Head()), h.First(), base.First())
		}
		want := strings.Replace(base.First(), "Upgrade: websocket\r\n", "Upgrade: websoc\xe2\x84\xaaet\r\n", 1)
		if got := FindProbe("UPGRADE-TOKEN-KELVIN").On(base).First(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestLearnedTargetIsAPath checks that a handshake learned with an absolute target is probed at its
// path.
func TestLearnedTargetIsAPath(t *testing.T) {
	for target, want := range map[string]string{
		"/chat?to=http://b.test/": "/chat?to=http://b.test/", "http://a.test/chat?x=1": "/chat?x=1", "http://a.test": "/", "ws://a.test?x": "/?x", "*": "*",
	} {
		q := wire.ReadRequest([]byte("GET " + target + " HTTP/1.1\r\nHost: a.test\r\n\r\n"))
		if h := Learn(q, "http", "", true, Redaction{}); h.Path != want || h.Target != want {
			t.Errorf("from %q it learns %q and %q, want %q", target, h.Path, h.Target, want)
		}
	}
}

// TestHandshakesOfHTTP2AreLearned checks that a WebSocket over HTTP/2 gives the handshake of its endpoint in HTTP/1.1.
func TestHandshakesOfHTTP2AreLearned(t *testing.T) {
	q := wire.ReadRequest([]byte("HTTP/2\r\n:method: CONNECT\r\n:protocol: websocket\r\n:scheme: http\r\n:path: /chat?x=1\r\n:authority: a.test\r\n" +
		"sec-websocket-version: 13\r\norigin: http://a.test\r\ncookie: a=1\r\nsec-websocket-protocol: chat\r\ncookie: b=2\r\n\r\n"))
	got := wire.ReadRequest([]byte(Learn(q, "http", "dGhlIHNhbXBsZSBub25jZQ==", true, Redaction{}).Head()))
	for name, want := range map[string]string{"Host": "a.test", "Origin": "http://a.test", "Sec-WebSocket-Protocol": "chat", "Upgrade": "websocket", "Cookie": "a=1; b=2"} {
		if value, _ := got.Value(name); value != want {
			t.Errorf("%s: got %q, want %q", name, value, want)
		}
	}
	if got.Target != "/chat?x=1" || got.Method != "GET" {
		t.Errorf("got %s", got.Raw)
	}
}

// TestTwoDefectsAreCaught checks the check itself: breaksOnly notices a second defect in a probe.
func TestTwoDefectsAreCaught(t *testing.T) {
	base := NewHandshake("http", "a.test", "/chat", "dGhlIHNhbXBsZSBub25jZQ==")
	for id, second := range map[string]Edit{
		"UPGRADE-POST":             Set(versionField, "99"),
		"UPGRADE-MISSING-CONN":     Set("Host", "a b"),
		"UPGRADE-TOKEN-WEBSOCKETS": Twice("Host", "evil.invalid"),
		"UPGRADE-WS-VER-DUP-13-99": Without(keyField),
		"UPGRADE-H2C-DUP-SETTINGS": Without("Connection"),
		"UPGRADE-BODY-CL":          Set("Content-Length", "+8"),
	} {
		p := *FindProbe(id)
		if defect := breaksOnly(&p, p.On(base)); defect != "" {
			t.Errorf("%s, as it is: %s", id, defect)
		}
		p.Edit = Edits(p.Edit, second)
		if breaksOnly(&p, p.On(base)) == "" {
			t.Errorf("%s: the second defect goes unnoticed", id)
		}
	}
}
