package rules

import (
	"bytes"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

func TestRedactTarget(t *testing.T) {
	for target, want := range map[string]string{
		"/chat":                           "/chat",
		"/chat?room=7":                    "/chat?room=7",
		"/chat?token=s3cret&room=7":       "/chat?token=******&room=7",
		"/chat?room=7&Access_Token=a=b":   "/chat?room=7&Access_Token=***",
		"/chat?token":                     "/chat?token",
		"/chat?token=":                    "/chat?token=",
		"/chat?tokens=1&mytoken=2":        "/chat?tokens=*&mytoken=*",
		"/chat?%74oken=abc":               "/chat?%74oken=***",
		"/chat?jwt=a?b;c#d&x=1":           "/chat?jwt=*******&x=1",
		"/chat?x=1;sig=abc":               "/chat?x=1;sig=***",
		"/chat?a?code=abc#key=1":          "/chat?a?code=*********",
		"/chat#ticket=abc":                "/chat#ticket=***",
		"/token=abc":                      "/token=***",
		"http://u:pw@staging.test/?key=1": "http://****@staging.test/?key=*",
		"http://staging.test/u@v":         "http://staging.test/u@v",
		"/chat?Room-Code=abc":             "/chat?Room-Code=***",
		"/chat?to\u212aen=abc":            "/chat?to\u212aen=abc",
		"/chat?token=\xff\x00":            "/chat?token=**",
		"":                                "",
	} {
		if got := (Redaction{Names: []string{"room-code"}}).Target(target); got != want {
			t.Errorf("%q: got %q, want %q", target, got, want)
		}
	}
}

func TestRedactHead(t *testing.T) {
	for head, want := range map[string]string{
		"Cookie: a=b\r\nHost: x\r\n":                                              "Cookie: ***\r\nHost: x\r\n",
		"aUTHORIZATION:Bearer x\r\n":                                              "aUTHORIZATION:********\r\n",
		"Set-Cookie: a=b\r\n c=d\r\n\te\r\nX: y\r\n":                              "Set-Cookie: ***\r\n ***\r\n\t*\r\nX: y\r\n",
		"Cookie : a=b\r\n":                                                        "Cookie : ***\r\n",
		"X: y\r\n Cookie: a=b\r\n c\r\nZ: a\r\n":                                  "X: y\r\n Cookie: ***\r\n *\r\nZ: a\r\n",
		"X: y\rCookie: a\rb\nZ: a\n":                                              "X: y\rCookie: *\r*\nZ: a\n",
		"Proxy-Authorization: Basic eA==":                                         "Proxy-Authorization: **********",
		"Cookies: a=b\r\n":                                                        "Cookies: a=b\r\n",
		"Sec-WebSocket-Key: /lKIY5QQJWT8ZYC5ktEtjQ==\r\n":                         "Sec-WebSocket-Key: /lKIY5QQJWT8ZYC5ktEtjQ==\r\n",
		"sec-websocket-key:eyJhbGciOiJIUzI1NiJ9QQ==\r\n":                          "sec-websocket-key:eyJhbGciOiJIUzI1NiJ9QQ==\r\n",
		"Sec-WebSocket-Accept: /jwt/s3pPLMBiTxaQ9kYGzzhZRb=\r\n":                  "Sec-WebSocket-Accept: /jwt/s3pPLMBiTxaQ9kYGzzhZRb=\r\n",
		"Sec-WebSocket-Key: /jwt=s3cret\r\n":                                      "Sec-WebSocket-Key: /jwt=******\r\n",
		"X-Key-Of: /lKIY5QQJWT8ZYC5ktEtjQ==\r\n":                                  "X-Key-Of: /lKIY5QQJWT8ZYC5ktEtjQ=*\r\n",
		"Referer: http://x/?token=ab\r\n":                                         "Referer: http://x/?token=**\r\n",
		"Sec-WebSocket-Protocol: chat, graphql-ws\r\n":                            "Sec-WebSocket-Protocol: chat, graphql-ws\r\n",
		"Sec-WebSocket-Protocol: bearer, abc, chat\r\n":                           "Sec-WebSocket-Protocol: bearer, ***, chat\r\n",
		"Sec-WebSocket-Protocol: access_token\r\nsec-websocket-protocol: abc\r\n": "Sec-WebSocket-Protocol: access_token\r\nsec-websocket-protocol: ***\r\n",
		"Sec-WebSocket-Protocol: eyJhbGciOiJIUzI1NiJ9.e30.c2ln\r\n":               "Sec-WebSocket-Protocol: *****************************\r\n",
		"Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.c2VjcmV0, base64.binary.k8s.io\r\n": "Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.********, base64.binary.k8s.io\r\n",
		"CookiE: a=b\r\naUTHORIZATION: c\r\nx-aMz-sEcurity-tOken: d\r\nsId: e\r\n":                         "CookiE: ***\r\naUTHORIZATION: *\r\nx-aMz-sEcurity-tOken: *\r\nsId: *\r\n",
		"Sec-WebSocket-Protocol: Bearer.abc\r\n":                                                           "Sec-WebSocket-Protocol: Bearer.***\r\n",
		"Sec-WebSocket-Protocol: " + strings.Repeat("x", 40):                                               "Sec-WebSocket-Protocol: " + strings.Repeat("*", 40),
	} {
		b := []byte(head)
		(&Redaction{}).redactHead(b)
		if string(b) != want {
			t.Errorf("%q: got %q, want %q", head, b, want)
		}
	}
}

// FuzzRedact checks that redaction keeps every length and every line end, so that spans stay valid,
// and leaves no cookie.
func FuzzRedact(f *testing.F) {
	for _, r := range corpus(f) {
		for _, c := range r.transcript.Chunks {
			f.Add(c.Bytes)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		o := new(Options)
		q := wire.ReadRequest(raw)
		once := o.requestHead(q)
		if len(once) != len(raw) {
			t.Fatalf("%d bytes became %d", len(raw), len(once))
		}
		for i, c := range raw {
			if once[i] != c && (once[i] != '*' || c == '\r' || c == '\n') {
				t.Fatalf("byte %d: %q became %q", i, c, once[i])
			}
		}
		for name := range q.Values("Cookie") {
			if strings.Trim(string(once[name.From:name.To]), "* \t\r\n") != "" {
				t.Errorf("a cookie is left: %q", once[name.From:name.To])
			}
		}
		o.redactAfter(raw, true)
	})
}

// TestTokensThatServersAgreeToAreHidden has servers repeat a token from the client's list of
// subprotocols.
func TestTokensThatServersAgreeToAreHidden(t *testing.T) {
	const answer = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: "
	for offered, each := range map[string]struct{ chosen, want string }{
		"Sec-WebSocket-Protocol: chat, bearer, s3cret\r\n":                             {"s3cret", "******"},
		"Sec-WebSocket-Protocol: access_token\r\nsec-websocket-protocol: s3cret, chat": {"s3cret", "******"},
		"Sec-WebSocket-Protocol: bearer, s3cret , chat\r\n":                            {"chat", "chat"},
		"Sec-WebSocket-Protocol: bearer.s3cret\r\n":                                    {"bearer.s3cret", "bearer.******"},
		"Sec-WebSocket-Protocol: chat, v2.chat\r\n":                                    {"v2.chat", "v2.chat"},
		"Host: staging.test\r\n":                                                       {"Bearer.s3cret", "Bearer.******"},
	} {
		q := wire.ReadRequest([]byte("GET / HTTP/1.1\r\nUpgrade: websocket\r\n" + offered + "\r\n\r\n"))
		if got := (Redaction{}).Subprotocol(q, each.chosen); got != each.want {
			t.Errorf("%q: got %q, want %q", offered, got, each.want)
		}
		p := wire.ReadResponse([]byte(answer + each.chosen + ", " + each.chosen + "\r\n\r\n"))
		r := Classify(Case{X: &wire.Exchange{Request: q, Response: p, Interim: []*wire.Response{p}, Outcome: wire.Switched, Final: true, Complete: true}})
		text, err := r.MarshalJSON()
		shown, again := string(r.options.responseHead(q, p)), string((&Options{Full: true}).responseHead(q, p))
		if err != nil || shown != answer+each.want+", "+each.want+"\r\n\r\n" || again != string(p.Raw) || len(shown) != len(p.Raw) {
			t.Errorf("%q: got %q and %q, %v", offered, shown, again, err)
		}
		if bytes.Contains(text, []byte("s3cret")) {
			t.Errorf("%q: a finding shows the token: %s", offered, text)
		}
	}
	q := wire.ReadRequest([]byte("GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Protocol: chat, bearer\r\nSec-WebSocket-Protocol: s3cret\r\n\r\n"))
	if got := Learn(q, "http", "AAAAAAAAAAAAAAAAAAAAAA==", false, Redaction{}).Head(); strings.Contains(got, "s3cret") || !strings.Contains(got, "chat") {
		t.Errorf("got %q, want no token", got)
	}
}
