// An echo server with golang.org/x/net/websocket. The handler of its documentation requires an Origin
// header; a Server without Handshake does not.
package main

import (
	"io"
	"log"
	"net/http"
	"os"

	"golang.org/x/net/websocket"
)

func main() {
	echo := func(conn *websocket.Conn) { _, _ = io.Copy(conn, conn) }
	http.Handle("/", websocket.Server{Handler: echo})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
