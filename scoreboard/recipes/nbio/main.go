// An echo server with nbio, which reads HTTP by itself.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/lesismal/nbio/nbhttp"
	"github.com/lesismal/nbio/nbhttp/websocket"
)

func main() {
	upgrader := websocket.NewUpgrader()
	upgrader.OnMessage(func(conn *websocket.Conn, kind websocket.MessageType, message []byte) {
		_ = conn.WriteMessage(kind, message)
	})
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = upgrader.Upgrade(w, r, nil)
	})
	engine := nbhttp.NewEngine(nbhttp.Config{Network: "tcp", Addrs: []string{os.Args[1]}, Handler: mux})
	if err := engine.Start(); err != nil {
		log.Fatal(err)
	}
	select {}
}
