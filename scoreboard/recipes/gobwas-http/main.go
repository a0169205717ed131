// An echo server with gobwas/ws and net/http.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		conn, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			message, kind, err := wsutil.ReadClientData(conn)
			if err != nil || wsutil.WriteServerMessage(conn, kind, message) != nil {
				return
			}
		}
	})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
