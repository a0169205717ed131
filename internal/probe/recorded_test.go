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
	got, err := Recorded(was, []Field{{"Cookie", "sid=1"}, {"?token", "t%20"}, {"?key", "k"}})
	if want := "GET /chat?a=1&token=t%20&key=k HTTP/1.1\r\nHost: a\r\nCookie: sid=1\r\nX: b\r\n\r\n"; err != nil || got.First() != want {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = Recorded(was, []Field{{"Cookie", "sid=1"}})
	if err == nil || !strings.Contains(err.Error(), "the parameter token, the parameter key;") {
		t.Errorf("got %v", err)
	}
	for _, wrong := range []Field{{"?token", "a b"}, {"?token", "a\r\n"}, {"Cookie", "a\r\nb: c"}, {"?token", "a&b"}} {
		if err := CheckGiven([]Field{wrong}); err == nil || strings.Contains(err.Error(), wrong.Value) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// TestStreamsAreSentAgain checks the headers of a request in HTTP/2 that is sent again: in their order, with the
// given values, a Cookie in one line, and with the bit that says which are secret.
func TestStreamsAreSentAgain(t *testing.T) {
	const head = "HTTP/2\r\n:method: CONNECT\r\n:protocol: websocket\r\n:path: /chat?a=1&token=***\r\n:authority: a.test\r\n" +
		"x-key: ****\r\ncookie: ***\r\nsec-websocket-version: 13\r\ncookie: ****\r\n\r\n"
	x := &wire.Exchange{Request: wire.ReadRequest([]byte(head)), Stream: &wire.Stream{ID: 5, Client: wire.StreamSide{Secret: []string{"x-key"}}}}
	got, err := Recorded(&rules.Ruling{X: x}, []Field{{"Cookie", "sid=1"}, {"?token", "t%20"}, {"X-Key", "k"}})
	want := strings.NewReplacer("token=***", "token=t%20", "x-key: ****", "x-key: k", "cookie: ****\r\n", "", "cookie: ***", "cookie: sid=1").Replace(head)
	if err != nil || got.Head() != want || got.Stream.End || got.Stream.Next != nil || !got.Stream.Fields[4].Sensitive || got.Stream.Fields[5].Sensitive {
		t.Errorf("got %+v, %v, want %s", got, err, want)
	}
	if _, err := Recorded(&rules.Ruling{X: x}, nil); err == nil || !strings.Contains(err.Error(), ": the parameter token, x-key, cookie;") {
		t.Errorf("got %v", err)
	}
	x.Request = wire.ReadRequest([]byte("HTTP/2\r\n:method: POST\r\n:path: /\r\n\r\n"))
	if _, err := Recorded(&rules.Ruling{X: x}, nil); err == nil || !strings.Contains(err.Error(), "content of that request is not kept") {
		t.Errorf("got %v", err)
	}
	x.Stream.Client.AtHead, x.Lossy = true, []string{wire.LostRequest}
	if _, err := Recorded(&rules.Ruling{X: x}, nil); err == nil || !strings.Contains(err.Error(), "headers of that request are not kept") {
		t.Errorf("got %v", err)
	}
	x.Lossy = nil
	if got, err := Recorded(&rules.Ruling{X: x}, nil); err != nil || !got.Stream.End {
		t.Errorf("got %+v, %v", got, err)
	}
}
