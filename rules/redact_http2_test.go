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
	if got := r.Redacted(); !slices.Contains(got, ":path") || !slices.Contains(got, "cookie") || !slices.Contains(got, ":authority") {
		t.Errorf("redacted: %q", got)
	}
	if !read.X.Request.HTTP2() || read.X.Request.Method != "CONNECT" || read.X.Stream.Offered != wire.OfferYes {
		t.Errorf("got %+v", read.X)
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
