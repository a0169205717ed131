// An echo server with gobwas/ws, which reads the handshake from the connection by itself.
package main

import (
	"log"
	"net"
	"os"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(conn)
	}
}

func serve(conn net.Conn) {
	defer conn.Close()
	if _, err := ws.Upgrade(conn); err != nil {
		return
	}
	for {
		message, kind, err := wsutil.ReadClientData(conn)
		if err != nil || wsutil.WriteServerMessage(conn, kind, message) != nil {
			return
		}
	}
}
