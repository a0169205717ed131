package rules

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestSecretsInHTTP2AreBlanked plants a secret in each place of a head of HTTP/2.
func TestSecretsInHTTP2AreBlanked(t *testing.T) {
	const canary = "CANARY0123456789"
	x := &wire.Exchange{
		Origin: wire.OriginLive, Outcome: wire.Switched, Complete: true, Stream: &wire.Stream{ID: 1, Offered: wire.OfferYes},
		Request: wire.ReadRequest([]byte("HTTP/2\r\n:method: CONNECT\r\n:protocol: websocket\r\n:scheme: http\r\n:path: /chat?token=" + canary +
			"\r\n:authority: user:" + canary + "@a.test\r\ncookie: sid=" + canary + "\r\nauthorization: Bearer " + canary +
			"\r\nsec-websocket-protocol: chat, bearer, " + canary + "\r\nx-api-key: a\r\n " + canary + "\r\nsec-websocket-version: 13\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/2\r\n:status: 200\r\nset-cookie: sid=" + canary + "\r\nsec-websocket-protocol: " + canary + "\r\n\r\n")),
	}
	r := Classify(Case{X: x})
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadRuling(text)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"ruling": string(text), "request": string(read.X.Request.Raw), "response": string(read.X.Response.Raw), "target": r.Target()} {
		if strings.Contains(text, canary) {
			t.Errorf("a secret is in the %s: %s", what, text)
		}
	}
	if got := r.Redacted(); !slices.Contains(got, "?token") || slices.Contains(got, ":path") || !slices.Contains(got, "cookie") || !slices.Contains(got, ":authority") {
		t.Errorf("redacted: %q", got)
	}
	if !read.X.Request.HTTP2() || read.X.Request.Method != "CONNECT" || read.X.Stream.Offered != wire.OfferYes {
		t.Errorf("got %+v", read.X)
	}
}

// TestValuesThatAreNotIndexedAreBlanked plants a secret in headers that their sender forbids to index, which
// nothing else shows to be secret.
func TestValuesThatAreNotIndexedAreBlanked(t *testing.T) {
	const canary = "canary words"
	x := &wire.Exchange{
		Origin: wire.OriginLive, Outcome: wire.Switched, Complete: true,
		Stream: &wire.Stream{ID: 1, Offered: wire.OfferYes, Client: wire.StreamSide{Secret: []string{"x-a", "origin"}}, Server: wire.StreamSide{Secret: []string{wire.AllSecret}}},
		Request: wire.ReadRequest([]byte("HTTP/2\r\n:method: CONNECT\r\n:protocol: websocket\r\n:scheme: http\r\n:path: /chat\r\n:authority: a.test" +
			"\r\nx-a: " + canary + "\r\nx-b: shown\r\norigin: " + canary + "\r\nsec-websocket-version: 13\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/2\r\n:status: 200\r\nx-a: " + canary + "\r\nserver: " + canary + "\r\n\r\n")),
	}
	r := Classify(Case{X: x})
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadRuling(text)
	if err != nil {
		t.Fatal(err)
	}
	heads := string(read.X.Request.Raw) + string(read.X.Response.Raw) + string(r.Head(InRequest)) + string(r.Head(InResponse))
	if strings.Contains(heads, canary) || strings.Count(heads, "************") != 8 {
		t.Errorf("got %q", heads)
	}
	if !strings.Contains(heads, "x-b: shown") || !strings.Contains(heads, ":status: 200") {
		t.Errorf("too much is blanked out: %q", heads)
	}
	if got := r.Redacted(); !slices.Equal(got, []string{"x-a", "origin"}) {
		t.Errorf("redacted: %q", got)
	}
	allowed := Classify(Case{X: x, Options: &Options{Redact: Redaction{Allow: []string{"X-A"}}}})
	if !strings.Contains(string(allowed.Head(InRequest)), "x-a: "+canary) {
		t.Errorf("got %q", allowed.Head(InRequest))
	}
}

// TestCredentialsInThePathAreShownThere checks the place of a finding about the query of :path.
func TestCredentialsInThePathAreShownThere(t *testing.T) {
	x := &wire.Exchange{
		Origin: wire.OriginLive, Outcome: wire.Switched, Complete: true, Stream: &wire.Stream{ID: 1, Offered: wire.OfferYes},
		Request: wire.ReadRequest([]byte("HTTP/2\r\n:method: CONNECT\r\n:protocol: websocket\r\n:scheme: http\r\n:path: /chat?token=a\r\n:authority: a.test" +
			"\r\nsec-websocket-version: 13\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/2\r\n:status: 200\r\n\r\n")),
	}
	f := Classify(Case{X: x}).Find("UPGRADE-AUTH-QUERY")
	if f == nil || len(f.Spans) != 1 {
		t.Fatalf("got %+v", f)
	}
	if got := string(x.Request.Raw[f.Spans[0].From:f.Spans[0].To]); got != "/chat?token=a" {
		t.Errorf("got %q", got)
	}
}

// TestHeadsOfFramesAreShownAfterA101InHTTP2 holds that only the payload is blanked.
func TestHeadsOfFramesAreShownAfterA101InHTTP2(t *testing.T) {
	x := &wire.Exchange{
		Origin: wire.OriginLive, Outcome: wire.Switched, Complete: true, Stream: &wire.Stream{ID: 1},
		Request:  wire.ReadRequest([]byte("HTTP/2\r\n:method: GET\r\n:path: /\r\nupgrade: websocket\r\n\r\n")),
		Response: wire.ReadResponse([]byte("HTTP/2\r\n:status: 101\r\nupgrade: websocket\r\n\r\n")),
	}
	x.After.Server = []byte("\x81\x05hello")
	text, err := json.Marshal(Classify(Case{X: x}))
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadRuling(text)
	if err != nil || string(read.X.After.Server) != "\x81\x05*****" {
		t.Errorf("got %q, %v", read.X.After.Server, err)
	}
}
