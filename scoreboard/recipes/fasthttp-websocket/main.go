// An echo server with fasthttp/websocket.
package main

import (
	"log"
	"os"

	"github.com/fasthttp/websocket"
	"github.com/valyala/fasthttp"
)

func main() {
	upgrader := websocket.FastHTTPUpgrader{}
	log.Fatal(fasthttp.ListenAndServe(os.Args[1], func(ctx *fasthttp.RequestCtx) {
		_ = upgrader.Upgrade(ctx, func(conn *websocket.Conn) {
			defer conn.Close()
			for {
				kind, message, err := conn.ReadMessage()
				if err != nil || conn.WriteMessage(kind, message) != nil {
					return
				}
			}
		})
	}))
}
