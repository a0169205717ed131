package rules

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestFactsOfFramesHaveNoPayload plants a secret in frames of every kind, before and after the bytes
// that are recorded, and where bytes are not frames at all.
func TestFactsOfFramesHaveNoPayload(t *testing.T) {
	const secret = "CANARY-5f3a"
	head := "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	switched := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: HSmrc0sMlYUkAGmm5OPpG2HaGWk=\r\n\r\n"
	frame := func(first byte, payload string) string {
		return string([]byte{first, byte(len(payload))}) + payload
	}
	said := frame(0x81, secret) + frame(0x82, secret) + frame(0x89, secret) + frame(0x8a, secret) + frame(0x01, secret) + frame(0x80, secret)
	for name, end := range map[string]string{
		"a token in a reason": frame(0x88, "\x03\xe8token="+secret),
		"data after close":    frame(0x88, "") + frame(0x81, secret),
		"not UTF-8":           frame(0x81, secret+"\xff"),
		"no frames":           secret + secret,
		"a length":            "\x82\x7f\xff" + secret,
	} {
		transcript := new(wire.Transcript)
		transcript.Add(wire.FromClient, []byte(head))
		transcript.Add(wire.FromServer, []byte(switched+said+strings.Repeat(frame(0x82, strings.Repeat("x", 100)), 15)+said+end))
		transcript.End = "closed"
		x := transcript.Exchanges(wire.Common{})[0]
		text, err := json.Marshal(Classify(Case{X: x}))
		if err != nil {
			t.Fatal(err)
		}
		if all := x.After.Frames.Sides[1].All(); all.Frames < 27 {
			t.Fatalf("%s: %d frames were read", name, all.Frames)
		}
		for _, part := range []string{"CANARY", "5f3a", base64.StdEncoding.EncodeToString([]byte(secret))[:12]} {
			if strings.Contains(string(text), part) {
				t.Errorf("%s: %q is in %s", name, part, text)
			}
		}
	}
}
