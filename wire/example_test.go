package wire_test

import (
	"fmt"
	"time"

	"github.com/interlock-proxy/interlock/wire"
)

// A server accepts a WebSocket handshake on this connection. The bytes may be fed in pieces of any
// size.
func ExampleConversation() {
	var counts wire.Counts
	var c wire.Conversation
	c.Open(&wire.Common{
		Origin: wire.OriginLive,
		Counts: &counts,
		Emit: func(x *wire.Exchange) {
			if x.Final {
				fmt.Printf("%s %s: %s to %s, then %q\n", x.Request.Method, x.Request.Target, x.Outcome, x.Protocol(), x.After.Server)
			}
		},
	})
	now := time.Now()
	for _, piece := range []string{"GET /chat HTTP/1.1\r\nHost: chat.example\r\nConn", "ection: Upgrade\r\nUpgrade: websocket\r\n\r\n"} {
		c.Feed(wire.FromClient, []byte(piece), now)
	}
	c.Feed(wire.FromServer, []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nhello"), now)
	c.Settle(wire.CauseServer, now)
	fmt.Println("requests with an answer:", counts.Exchanges.Load())
	// Output:
	// GET /chat: switched to websocket, then "hello"
	// requests with an answer: 1
}
