package probe

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// TestWhatWasRedactedIsPutBack checks that redacted headers and parameters are replaced by the
// given values, and that the error names missing ones.
func TestWhatWasRedactedIsPutBack(t *testing.T) {
	const head = "GET /chat?a=1&token=***&key=* HTTP/1.1\r\nHost: a\r\nCookie: ****\r\nX: b\r\n\r\n"
	was := &rules.Ruling{X: &wire.Exchange{Request: wire.ReadRequest([]byte(head))}}
	got, err := RecordedRequest(was, []Field{{"Cookie", "sid=1"}, {"?token", "t%20"}, {"?key", "k"}})
	if want := "GET /chat?a=1&token=t%20&key=k HTTP/1.1\r\nHost: a\r\nCookie: sid=1\r\nX: b\r\n\r\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v", got, err)
	}
	_, err = RecordedRequest(was, []Field{{"Cookie", "sid=1"}})
	if err == nil || !strings.Contains(err.Error(), "the parameter token, the parameter key;") {
		t.Errorf("got %v", err)
	}
	for _, wrong := range []Field{{"?token", "a b"}, {"?token", "a\r\n"}, {"Cookie", "a\r\nb: c"}, {"?token", "a&b"}} {
		if err := CheckGiven([]Field{wrong}); err == nil || strings.Contains(err.Error(), wrong.Value) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// TestWhatCameInHTTP2IsNotSentInHTTP1 checks that the text of a head of HTTP/2 is never sent.
func TestWhatCameInHTTP2IsNotSentInHTTP1(t *testing.T) {
	was := &rules.Ruling{X: &wire.Exchange{Request: wire.ReadRequest([]byte("HTTP/2\r\n:method: CONNECT\r\n:path: /\r\n\r\n"))}}
	if got, err := RecordedRequest(was, nil); err == nil || !strings.Contains(err.Error(), "sent in HTTP/2") {
		t.Errorf("got %q, %v", got, err)
	}
}
