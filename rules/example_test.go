package rules_test

import (
	"fmt"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// A server that accepts a WebSocket handshake by POST.
func ExampleClassify() {
	request := "POST /chat HTTP/1.1\r\nHost: chat.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
	response := "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	x := &wire.Exchange{
		Origin: wire.OriginLive, Outcome: wire.Switched, Complete: true, BodyDone: true,
		Request: wire.ReadRequest([]byte(request)), Response: wire.ReadResponse([]byte(response)),
	}
	ruling := rules.Classify(rules.Case{X: x})
	fmt.Println(ruling.Verdict, "unsafe:", ruling.Unsafe)
	for _, f := range ruling.Findings {
		if f.Verdict == rules.Fail {
			fmt.Println(f.Rule.ID, f.Severity, f.Party)
		}
	}
	// Output:
	// fail unsafe: true
	// UPGRADE-POST critical server
}
